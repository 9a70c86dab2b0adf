"""What is stored of a transition matrix: little, and the same matrix is made of it again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.data import coffee

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features, find_backbone, release_models
from napari_m2n2v2.backbones import offline_file
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.disk import read_entry, write_entry
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from tests.backbones.tiny_models import save_dinov2, save_stable_diffusion
from tests.features.counted import again, assert_same

PARAMETERS = FeatureParameters(grid=8)


class Own:
    """A backbone of somebody else, who tells nothing of what its attention is made of."""

    name, weights_revision, default_grid = "own", "1", 8

    def attention(self, image, grid_shape, device, progress):
        return torch.softmax(torch.randn((h := grid_shape[0] * grid_shape[1], h), generator=torch.manual_seed(h)), 1)

    def release(self):
        pass


@pytest.fixture
def nothing_is_read(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the stored features were not used")

    return lambda: monkeypatch.setattr(FeatureRequest, "read_transition", refuse)


@pytest.fixture
def folders(tmp_path):
    yield tmp_path
    release_models()


def entry_of(cache, image, backbone, parameters=PARAMETERS):
    """Where the matrix of an image is stored, and under which key."""
    request = FeatureRequest.of(image, FeatureSpec(backbone, device="cpu", parameters=parameters))
    key = FeatureKeys.of(request).transition
    return cache.disk.path(key), key


def backbones(folders, name):
    if name == "dinov2":
        return str(save_dinov2(folders / "dinov2"))
    if name in ("float16", "bfloat16", "float32"):
        return find_backbone(str(save_stable_diffusion(folders / "sd")), dtype=getattr(torch, name)).backbone
    return AppearanceAttention() if name == "appearance" else Own()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("dinov2", {"query 0.0", "key 0.0"}), ("float32", {"query 0.0", "key 0.0", "query 0.1", "key 0.1"}),
        ("bfloat16", {"query 0.0", "key 0.0", "query 0.1", "key 0.1"}), ("appearance", {"points 0.0"}), ("own", None),
    ],
)  # fmt: skip
def test_the_matrix_and_masks_are_those_computed(folders, cache, image, notes, nothing_is_read, name, stored, flip):
    backbone, parameters = backbones(folders, name), replace(PARAMETERS, test_time_flip=flip)
    asked = {"attention": backbone, "device": "cpu", "parameters": parameters}
    computed = compute_features(image, **asked)
    assert_same(cache.features(image, **asked), computed)
    arrays, about = read_entry(*entry_of(cache, image, backbone, parameters))
    mirrored = {part.replace(" 0.", " 1.") for part in stored or ()} if flip else set()
    assert arrays.keys() == ({"transition"} if stored is None else {"rows", "columns", *stored, *mirrored})
    if name == "bfloat16":
        assert arrays["query 0.0"].itemsize == 2 and about["passes"][0][0]["dtype"] == name
    nothing_is_read()
    read = again(cache).features(image, **asked)
    assert_same(read, computed)
    clicks = [Click(16, 16), Click(35, 48, foreground=False)]
    np.testing.assert_array_equal(*(Session(one).replay(clicks).labels for one in (read, computed)))
    assert not notes


@pytest.mark.skipif(offline_file.find() is None, reason="the extra 'offline' is not installed")
def test_a_plane_at_grid_64_takes_at_most_20_mb_whatever_its_size(cache, nothing_is_read):
    asked = {"attention": "offline", "device": "cpu", "parameters": FeatureParameters(grid=64)}
    photo = coffee()[::4, ::4].copy()
    computed = cache.features(photo, **asked)
    assert computed.grid_shape == (52, 78) and cache.disk.nbytes <= 20e6
    nothing_is_read()
    assert torch.equal(again(cache).features(photo, **asked).transition, computed.transition)


@pytest.mark.skipif(offline_file.find() is None, reason="the extra 'offline' is not installed")
def test_other_threads_make_it_again_but_for_rounding(cache, image, nothing_is_read):
    asked = {"attention": "offline", "device": "cpu", "parameters": FeatureParameters(grid=24)}
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        computed = cache.features(image, **asked)
        nothing_is_read()
        torch.set_num_threads(3)
        made = again(cache).features(image, **asked)
        torch.testing.assert_close(made.transition, computed.transition, rtol=1e-5, atol=0.0)
        masks = [Session(features).replay([Click(16, 16)]).mask for features in (computed, made)]
        np.testing.assert_array_equal(*masks)
    finally:
        torch.set_num_threads(before)


def wrong_dtype(arrays, about):
    about["passes"][0][0]["dtype"] = "float16"


def unknown_dtype(arrays, about):
    about["passes"][0][0]["dtype"] = ["complex"]


def no_layers(arrays, about):
    about["passes"] = [[]]


def no_passes(arrays, about):
    about["passes"] = {}


def another_kind(arrays, about):
    about["passes"] = 3


def fewer_points(arrays, about):
    arrays["points 0.0"] = arrays["points 0.0"][1:].copy()


def flat_points(arrays, about):
    arrays["points 0.0"] = arrays["points 0.0"][:, 0].copy()


def no_factors(arrays, about):
    del arrays["rows"]


def factors_of_a_matrix(arrays, about):
    arrays["rows"] = np.stack([arrays["rows"]] * 2)


def a_layer_too_many(arrays, about):
    about["passes"][0].append({"dtype": "float32", "scaling": "much", "weight": 1, "skip": 0})


@pytest.mark.parametrize(
    "change",
    [
        wrong_dtype, unknown_dtype, no_layers, no_passes, another_kind, fewer_points, flat_points, no_factors,
        factors_of_a_matrix, a_layer_too_many,
    ],
)  # fmt: skip
def test_an_entry_that_holds_no_matrix_is_computed_again(cache, image, change):
    """Whole as a file, and yet not what it should be: of a development version, or made by hand."""
    asked = {"attention": "appearance", "device": "cpu", "parameters": PARAMETERS}
    computed = cache.features(image, **asked)
    path, key = entry_of(cache, image, "appearance")
    arrays, about = read_entry(path, key)
    arrays = dict(arrays)
    change(arrays, about)
    write_entry(path, key, arrays, about)
    assert_same(again(cache).features(image, **asked), computed)
    assert read_entry(path, key)[0].keys() == {"points 0.0", "rows", "columns"}
