"""How one channel is shown."""

import numpy as np
import pytest

from napari_m2n2v2._napari.layers.image import BIT_DEPTHS, Channel, merge


@pytest.mark.parametrize("bit_depth", BIT_DEPTHS)
def test_one_channel_is_shown_in_every_way(viewer, image, bit_depth):
    from napari_m2n2v2 import Region
    from napari_m2n2v2.session.document import PartKey, PlaneKey

    layer = viewer.add_image(image[..., 0].astype(np.uint16) * 13)
    seen = merge([Channel.of(layer, PartKey(PlaneKey(), Region.whole(image.shape[:2])))], bit_depth).rgb
    assert seen.shape == (*image.shape[:2], 3) and seen.dtype == np.uint8
    assert (np.ptp(seen, axis=2).max() > 0) == bit_depth.endswith("three scales")
