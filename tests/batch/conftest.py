"""Photos and stacks to go through in a batch."""

import numpy as np
import pytest
import tifffile
from skimage.io import imsave

from tests.batch.small_batch import BOTH
from tests.conftest import blob_image
from tests.files.made_stacks import OME, ngff


@pytest.fixture
def photos(tmp_path):
    """Three photos, a file that is none of our business, and a table for them all."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(3):
        imsave(folder / f"p{n}.png", blob_image(seed=n))
    (folder / "notes.txt").write_text("hello")
    (tmp_path / "clicks.csv").write_text(BOTH)
    return folder


@pytest.fixture
def stack(tmp_path):
    """A 16-bit OME-Zarr of blobs, ``[t, z, y, x]``, two levels."""
    planes = [[blob_image(seed=3 * t + z)[..., 0].astype(np.uint16) * 13 for z in range(3)] for t in range(2)]
    return ngff(tmp_path / "cells.ome.zarr", "0.4", np.array(planes))


@pytest.fixture
def tiff(tmp_path):
    planes = np.array([blob_image(seed=z)[..., 0].astype(np.uint16) * 13 for z in range(4)])
    path = tmp_path / "cells.ome.tif"
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX", **{k: v for k, v in OME.items() if k[0] == "P"}})
    return path, planes
