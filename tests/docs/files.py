"""The files that the pages' commands name, made small: photos, plates with examples, stacks, tables and data sets."""

import json
from pathlib import Path

import numpy as np
import tifffile
from skimage.data import camera, coffee, coins
from skimage.io import imsave
from skimage.measure import label

from tests.docs.pages import ROOT, fences
from tests.files.made_stacks import ngff

PLATE = coins()[:240, :320].copy()
FEW = PLATE[60:108, 60:124]
PHOTO = coffee()[80:290, 200:450]
CLICKS = "row,col,class\n90,80,foreground\n20,20,background\n"
LINE = {"type": "LineString", "coordinates": [[200, 110], [210, 130]]}  # x, y
DRAWN = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": LINE, "properties": {}}]}
BOXES = {
    "images": [{"id": 1, "file_name": "one.png", "height": 210, "width": 250}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [40, 30, 80, 90]}],
    "categories": [{"id": 1, "name": "coin"}],
}


def three_coins():
    """Labels of the three largest coins of the plate."""
    bright = label(PLATE > 160)
    sizes = np.bincount(bright.ravel())
    sizes[0] = 0
    chosen = np.argsort(sizes)[-3:]
    return sum(((bright == one) * (n + 1) for n, one in enumerate(chosen)), np.zeros_like(bright)).astype(np.int32)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, pixels, check_contrast=False)


def save_stack(path, plane, planes=3):
    """The same plane again and again, so that features are computed once."""
    volume = np.repeat(plane[None], planes, axis=0)
    tifffile.imwrite(path, volume, photometric="minisblack", metadata={"axes": "ZYX"})


def save_labels(path):
    """Of the first plane."""
    labels = three_coins().astype(np.uint8)
    volume = np.stack([labels, *[np.zeros_like(labels)] * 2])
    tifffile.imwrite(path, volume, photometric="minisblack", metadata={"axes": "ZYX"})


def save_photos(folder):
    for name in ("one.png", "two.png"):
        save(folder / name, PHOTO)


def save_one_object(folder):
    """A data set of a coin, as ``evaluate`` takes a folder."""
    photo = coins()[20:84:3, 20:84:3]
    save(folder / "images" / "coin.png", photo)
    save(folder / "masks" / "coin__1.png", (photo > 120) * np.uint8(255))
    save(folder / "depth" / "coin.png", photo)


def save_as_handed_out(folder, images, masks):
    """The same as a set of the paper."""
    photo = coins()[20:84:3, 20:84:3]
    save(folder / images / "coin.png", photo)
    save(folder / masks / "coin.png", (photo > 120) * np.uint8(255))


def table_of_the_page(path):
    (table,) = (body for _, body in fences(ROOT / "docs" / "stacks.md") if body.startswith("image,"))
    path.write_text(table)


FILES = {
    "photo.png": lambda path: save(path, PHOTO),
    "FOLDER": lambda path: save(path / "one.png", PHOTO),
    "photos/": save_photos,
    "plate.png": lambda path: save(path, PLATE),
    "plates/": lambda path: [save(path / f"plate_0{n}.png", PLATE) for n in (1, 2)],
    "plate_01.png": lambda path: save(path, three_coins().astype(np.uint8)),
    "three.png": lambda path: save(path, three_coins().astype(np.uint8)),
    "stack.ome.tif": lambda path: save_stack(path, PLATE),
    "labels.tif": save_labels,
    "STACK": lambda path: ngff(path, "0.4", FEW[None, None]),
    "cells.ome.tif": lambda path: save_stack(path, FEW, 2),
    "cells.ome.zarr": lambda path: ngff(path, "0.4", np.repeat(camera()[None, None, :360, :240], 13, axis=1)),
    "cells.csv": table_of_the_page,
    "clicks.csv": lambda path: path.write_text(CLICKS),
    "drawn.geojson": lambda path: path.write_text(json.dumps(DRAWN)),
    "instances.json": lambda path: path.write_text(json.dumps(BOXES)),
    "DATASET": save_one_object,
    "~/data/GrabCut": lambda path: save_as_handed_out(path, "data_GT", "boundary_GT"),
    "~/data/DAVIS": lambda path: save_as_handed_out(path, "img", "gt"),
}
SETS = (
    "ct davis345 dsb2018_nuclei grabcut histology isbi2012_em mri nyuv2_rgbd polyps_endoscopy retina skin_isic "
    "ssd_rgbd_sod ultrasound wbc_blood HELD"
)


def make(folder, commands):
    """Make those that the commands name, in the folder, at "~", and where they "cd"."""
    typed = " ".join(commands)
    folder.mkdir()
    for name, write in FILES.items():
        if name in typed:
            write(Path(name).expanduser() if name.startswith("~") else folder / name)
    if "cd ../shared/data" in typed:
        for name in SETS.split():
            save_one_object(folder.parent / "shared" / "data" / name)
    if "--from 75" in typed:
        save_stack(folder / "stack.ome.tif", FEW, 80)
