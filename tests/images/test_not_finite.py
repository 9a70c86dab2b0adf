"""Line 9 of what the field found: one NaN or infinite pixel refuses no image and no guide, and is told."""

import json

import numpy as np
import pytest
import tifffile

from napari_m2n2v2 import (
    FeatureCache,
    FeatureParameters,
    FeatureSpec,
    Precompute,
    Stack,
    compute_features,
    segment_folder,
)
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.guides.channel import as_guide
from napari_m2n2v2.images.rendering import RENDERINGS, as_rgb, clipped_pixels, finite_range

COARSE = FeatureParameters(grid=12)


@pytest.fixture
def grey(image):
    return image[..., 0].astype(np.float32) / 7


@pytest.fixture
def broken(grey):
    """A NaN margin of three columns, and an infinite pixel of each sign."""
    pixels = grey.copy()
    pixels[:, :3], pixels[5, 9], pixels[6, 9] = np.nan, np.inf, -np.inf
    return pixels


@pytest.mark.parametrize("limits", [None, (2.0, 20.0)])
@pytest.mark.parametrize("rendering", RENDERINGS)
def test_line_9_pixels_are_clipped_and_nan_is_the_lowest(broken, limits, rendering):
    shares = (0.5, 99.5) if rendering == "percentiles" else (0.0, 100.0)
    low, high = limits or finite_range(broken, shares)
    by_hand = np.nan_to_num(broken, nan=low, posinf=high, neginf=low)
    np.testing.assert_array_equal(as_rgb(broken, limits, rendering), as_rgb(by_hand, (low, high), rendering))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_line_9_colour_is_clipped_too_and_alpha_does_not_matter(image, dtype):
    rgba = np.dstack([image / 255, np.full(image.shape[:2], np.nan)]).astype(dtype)
    assert clipped_pixels(rgba) == 0
    rgba[2, 3, 1], rgba[2, 4, 0], rgba[2, 4, 2] = np.nan, np.inf, -np.inf
    assert clipped_pixels(rgba) == 2
    seen = as_rgb(rgba)
    assert seen[2, 3, 1] == 0 and tuple(seen[2, 4, [0, 2]]) == (255, 0)
    seen[2, 3:5] = image[2, 3:5]
    assert np.abs(seen.astype(int) - image).max() <= 1


def test_line_9_features_say_how_many_also_from_a_cache(broken, grey, tmp_path):
    by_hand = np.nan_to_num(broken, nan=finite_range(broken)[0], posinf=finite_range(broken)[1], neginf=-1e9)
    by_hand = by_hand.clip(*finite_range(broken))
    cache = FeatureCache(tmp_path)
    (note,) = cache.features(broken, "appearance", device="cpu", parameters=COARSE).notes
    assert note.startswith(f"{48 * 3 + 2} pixels of the image were NaN or infinite")
    assert cache.features(by_hand, "appearance", device="cpu", parameters=COARSE).notes == ()
    grey[3, 3] = np.nan
    assert compute_features(grey, "appearance", device="cpu", parameters=COARSE).notes[0].startswith("1 pixel of")


def test_line_9_guides_are_clipped_and_told(image, broken):
    shape = broken.shape
    low, high = finite_range(broken)
    by_hand = np.nan_to_num(broken, nan=low, posinf=high, neginf=low)
    np.testing.assert_allclose(as_guide(broken, shape, shape), as_guide(by_hand, shape, shape), atol=1e-6)
    features = compute_features(image, "appearance", broken, device="cpu", parameters=COARSE)
    (note,) = features.notes
    assert "146 pixels of the guide given" in note
    assert features.with_guide(None).notes == () and features.with_guide(broken).notes == (note,)


def test_line_9_the_shell_says_so(broken, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "nan.tif", broken)
    common = ["--attention", "appearance", "--grid", "12", "--device", "cpu"]
    assert main(["segment", str(tmp_path / "nan.tif"), "--fg", "16,16", "-o", str(tmp_path / "m.png"), *common]) == 0
    assert "146 pixels of the image were NaN" in capsys.readouterr().out
    given = ["segment", str(tmp_path / "nan.tif"), "--fg", "16,16", "-o", str(tmp_path / "m.png"), "--json", *common]
    assert main(given) == 0
    assert "146 pixels" in json.loads(capsys.readouterr().out)["notes"][0]


def test_line_9_a_batch_says_so(broken, tmp_path):
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "nan.tif", broken)
    (tmp_path / "clicks.csv").write_text("row,col\n16,16\n")
    (outcome,) = segment_folder(
        tmp_path / "in", tmp_path / "clicks.csv", tmp_path / "out", "appearance", device="cpu", parameters=COARSE
    )
    assert outcome.done == 1 and not outcome.errors and "146 pixels" in outcome.notes[0]


def test_line_9_a_guide_at_another_level_is_told_and_so_is_it_ahead_of_clicks(broken, tmp_path):
    """The image as one level, the guide as a pyramid of which a smaller one fits."""
    guide = np.kron(broken, np.ones((2, 2), broken.dtype))
    pyramid = Stack.of([np.stack([guide, guide]), np.stack([broken[::2, ::2]] * 2)], multiscale=True)
    parameters = FeatureParameters(grid=8, working_side=24)
    spec = FeatureSpec("appearance", pyramid, "cpu", parameters=parameters)
    grey = np.nan_to_num(broken, posinf=0.0, neginf=0.0)
    stack = Stack.of(np.stack([grey, broken]))
    run = Precompute(stack, FeatureCache(tmp_path), spec)
    run.run()
    assert not run.failures
    count = clipped_pixels(broken[::2, ::2])
    of_guide = f"{count} pixels of the guide given were NaN or infinite: clipped, NaN to the lowest."
    assert run.notes[(0,)] == (of_guide,)
    assert run.notes[(1,)] == ("146 pixels of the image were NaN or infinite: clipped, NaN to the lowest.", of_guide)
    again = Precompute(stack, FeatureCache(tmp_path), spec)
    again.run()
    assert again.notes == run.notes  # although nothing had to be computed


@pytest.mark.parametrize("planes", [1, 25])
def test_line_9_features_in_a_shell_say_so(broken, tmp_path, capsys, planes):
    tifffile.imwrite(tmp_path / "nan.tif", np.stack([broken] * planes) if planes > 1 else broken)
    common = ["--attention", "appearance", "--grid", "8", "--device", "cpu"]
    assert main(["features", str(tmp_path / "nan.tif"), "--cache", str(tmp_path / "c"), *common]) == 0
    told = capsys.readouterr().err
    assert told.count("146 pixels of the image were NaN") == min(planes, 20)
    assert ("the image: 146" in told) == (planes == 1) and ("5 more planes like these" in told) == (planes == 25)
