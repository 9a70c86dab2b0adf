"""Layers of napari as images: kinds, transforms, those that cannot be segmented, names and order."""

import numpy as np
import pytest

from tests.napari.conftest import same


@pytest.mark.parametrize(
    "make",
    [
        lambda rgb: rgb,
        lambda rgb: np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
        lambda rgb: rgb[..., 0],
        lambda rgb: rgb[..., 0].astype(np.uint16) * 16,
        lambda rgb: rgb[..., 0].astype(np.float32) / 255 - 0.5,
        lambda rgb: rgb.astype(np.float64) / 255,
        lambda rgb: rgb[..., 0] > 100,
    ],
    ids=["rgb", "rgba", "grey", "uint16", "negative float", "float rgb", "bool"],
)
def test_kinds_of_images(dock, image, make):
    dock.start(dock.viewer.add_image(make(image)))
    dock.click(16, 16)
    assert not dock.errors
    found, disc = dock.labels == 1, image[..., 0] > 120
    assert np.count_nonzero(found & disc) / np.count_nonzero(found | disc) > 0.7


def test_twelve_bit_data_is_seen_as_the_user_sees_it(dock, image):
    grey = image[..., 0].astype(np.uint16)
    dock.start(dock.viewer.add_image(grey * 16 + 300, contrast_limits=(300, 300 + 255 * 16)))
    np.testing.assert_allclose(dock.workspace.features.image[..., 0], image[..., 0], atol=1)


TRANSFORMS = {
    "scale": {"scale": (0.3, 2.5)},
    "translate": {"translate": (100, -40)},
    "rotate": {"rotate": 30},
    "shear": {"shear": [0.4]},
    "affine": {"affine": [[0.8, 0.3, 5], [-0.2, 1.1, 9], [0, 0, 1]]},
    "units": {"units": ("um", "um"), "scale": (0.5, 0.5)},
}


@pytest.mark.parametrize("named", TRANSFORMS.values(), ids=TRANSFORMS)
def test_clicks_land_where_the_mouse_is_on_transformed_layers(dock, image, named):
    layer = dock.viewer.add_image(image, **named)
    before = {key: getattr(layer, key) for key in ("scale", "translate", "rotate", "shear", "units")}
    dock.start(layer)
    dock.viewer.reset_view()
    dock.click(33, 48)
    for ours in (dock.workspace.points, dock.workspace.labels):
        same(ours.extent.world[:, :2].shape, (2, 2))
        same(ours.data_to_world((7, 9)), layer.data_to_world((7, 9)))
        assert ours.units == layer.units
    np.testing.assert_allclose(dock.points.data[0], [33, 48], atol=1.5)
    for key, value in before.items():
        same(getattr(layer, key), value)


def test_what_the_user_painted_stays_and_labels_undo_takes_back_only_that(started):
    started.click(16, 16)
    labels = started.workspace.labels
    labels.data_setitem((np.array([45, 46]), np.array([60, 60])), 7)
    started.click(33, 48)
    assert labels.data[45, 60] == 7
    mask = labels.data.copy()
    labels.undo()
    mask[[45, 46], [60, 60]] = 0
    same(labels.data, mask)


def test_renamed_and_reordered_layers_are_followed(started):
    started.workspace.image.name = "renamed"
    started.viewer.layers.move(0, 2)
    started.click(16, 16)
    same(started.labels, started.expected())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rgb: np.full((48, 64), np.nan), "NaN"),
        (lambda rgb: rgb[:1, :1, 0], "2 x 2"),
    ],
    ids=["NaN", "one pixel"],
)
@pytest.mark.filterwarnings("ignore:All-NaN|invalid value:RuntimeWarning")
def test_images_that_cannot_be_segmented_are_told_and_nothing_breaks(dock, image, make, message):
    dock.start(dock.viewer.add_image(make(image), contrast_limits=(0, 255)), wait=False)
    assert message in dock.errors[-1]
    good = dock.viewer.add_image(image)
    dock.start(good)
    dock.points.add([16, 16])
    assert dock.labels[16, 16] == 1
