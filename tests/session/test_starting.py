"""Line 8 of what the field found, from Python: labels that no object can have are refused, not wrapped round."""

import numpy as np
import pytest

from napari_m2n2v2 import ImageError, Mosaic, Session


@pytest.mark.parametrize(
    "make", [lambda f, start: Session(f, start=start), lambda f, start: Mosaic(f.shape, start=start)]
)
def test_line_8_labels_to_start_from(features, make):
    start = np.zeros(features.shape, np.uint64)
    start[4:9, 4:9] = 2**31 - 1
    make(features, start)
    start[0, 0] = 2**32 + 1
    with pytest.raises(ImageError, match="at most 2147483647, got 4294967297"):
        make(features, start)
    with pytest.raises(ImageError, match="shape"):
        make(features, start[1:])
