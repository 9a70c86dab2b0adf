"""On real images: the mirrored image gives the mirrored mask, and a click moved by a pixel mostly nearly the same."""

from dataclasses import replace

import numpy as np
import pytest

from napari_m2n2v2 import Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.backbones import BACKBONES
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.datasets import open_dataset
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.files.read import read_image
from napari_m2n2v2.images.rendering import as_rgb
from napari_m2n2v2.method.attention import flip_cells

COARSE = FeatureParameters(grid=20)


@pytest.fixture(params=["grabcut", "dsb2018_nuclei", "mri"])
def clicked(request, shared):
    """Features of a photo or a picture from a microscope or scanner, and three clicks of a simulated user on it."""
    if not BACKBONES["offline"].locate():
        pytest.skip("the offline weights are not installed")
    sample = open_dataset(shared / "data" / request.param).samples[0]
    step = -(-max(sample.read_truth().shape) // 160)
    image, truth = as_rgb(read_image(sample.image))[::step, ::step], sample.read_truth()[::step, ::step]
    features = compute_features(image, "offline", device="cpu", parameters=COARSE)
    session, clicks = Session(features), []
    while len(clicks) < 3:
        clicks.append(next_click_union(session.result.mask, truth, None, clicks))
        session.click(clicks[-1])
    return features, clicks


def mirrored(features):
    """Those of the mirrored image; attention is mirrored with it, because networks see a mirrored image otherwise."""
    image = np.ascontiguousarray(features.image[:, ::-1])
    attention = flip_cells(features.transition, features.grid_shape)
    plain = ImageFeatures.from_attention(image, attention, features.grid_shape, device="cpu")
    return replace(plain, transition=attention.contiguous())  # which is doubly stochastic already


def test_mirrored_image_and_clicks_give_the_mirrored_mask(clicked):
    features, clicks = clicked
    there = [Click(c.row, features.shape[1] - 1 - c.col, c.foreground) for c in clicks]
    straight, other = Session(features), Session(mirrored(features))
    for count in range(1, len(clicks) + 1):
        mask = straight.replay(clicks[:count]).mask
        assert intersection_over_union(mask, other.replay(there[:count]).mask[:, ::-1]) > 0.98


def test_a_click_moved_by_a_pixel_mostly_gives_nearly_the_same_mask(clicked):
    features, clicks = clicked
    session, overlaps = Session(features), []
    for count in range(1, len(clicks) + 1):
        mask, last = session.replay(clicks[:count]).mask, clicks[count - 1]
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            moved = replace(last, row=last.row + down, col=last.col + right)
            overlaps.append(intersection_over_union(mask, session.replay([*clicks[: count - 1], moved]).mask))
    assert np.median(overlaps) > 0.9 and np.mean(np.array(overlaps) < 0.5) <= 0.1
