"""The ten data sets of the paper (Table 4), read from the folders that their authors hand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_m2n2v2.errors import ParameterError, UnreadableFileError
from napari_m2n2v2.evaluation.datasets import Dataset, Sample, evenly, open_dataset, read_labels
from napari_m2n2v2.files.paths import one_form

__all__ = ["PAPER_SETS", "PaperSet", "open_named"]

_COCO_NAMES = ("gt.json", "val.json", "instances.json")


@dataclass(frozen=True)
class PaperSet:
    """How a data set lies in its folder. Every set may also be a COCO file ``gt.json`` beside ``images/``.

    Parameters
    ----------
    folders : tuple of (str, str)
        Folders of images and of masks; the two files of a pair have the same stem.
    object_from : int
        Lowest mask value that is object.
    ignore_band : bool
        Whether mask values between 0 and ``object_from`` are neither scored nor clicked.
    each_value : bool
        Whether each mask value above 0 is an object of its own.
    """

    folders: tuple[tuple[str, str], ...] = ()
    object_from: int = 128
    ignore_band: bool = False
    each_value: bool = False


PAPER_SETS = {
    "grabcut": PaperSet((("data_GT", "boundary_GT"),), object_from=255, ignore_band=True),
    "berkeley": PaperSet((("images", "masks"),)),
    "davis": PaperSet((("img", "gt"),), object_from=1),
    "hqseg44k": PaperSet(
        (
            ("DIS5K/DIS-VD/im", "DIS5K/DIS-VD/gt"),
            ("thin_object_detection/COIFT/images", "thin_object_detection/COIFT/masks"),
            ("thin_object_detection/HRSOD/images", "thin_object_detection/HRSOD/masks_max255"),
            ("thin_object_detection/ThinObject5K/images_test", "thin_object_detection/ThinObject5K/masks_test"),
        ),
    ),
    "sbd": PaperSet(),
    "plittersdorf": PaperSet(),
    "trashcan": PaperSet(),
    "dram": PaperSet((("images", "labels"),), each_value=True),
    "oaizib": PaperSet(),
    "brats": PaperSet(),
}
"""By the name that the command line takes."""


def open_named(name: str, folder: Path, limit: int | None = None) -> Dataset:
    """Open one of the paper's sets.

    Parameters
    ----------
    name : str
        A key of :data:`PAPER_SETS`, in small letters.
    folder : Path
        Where it lies: a COCO file in it, or the folders of :class:`PaperSet`.
    limit : int, optional
        Only so many objects, spread evenly.

    Raises
    ------
    ParameterError
        For a name that is not known.
    UnreadableFileError
        If the folder holds neither.
    """
    if name not in PAPER_SETS:
        raise ParameterError(f"Unknown data set {name!r}: expected {', '.join(PAPER_SETS)}, or a folder.")
    known = PAPER_SETS[name]
    found = [folder / coco for coco in _COCO_NAMES if (folder / coco).is_file()]
    if found:
        return Dataset(name, open_dataset(found[0], limit).samples)
    samples = [
        sample
        for images, masks in known.folders
        if (folder / images).is_dir() and (folder / masks).is_dir()
        for sample in _pairs(folder / images, folder / masks, known)
    ]
    if not samples:
        expected = " or ".join(f"{images}/ with {masks}/" for images, masks in known.folders)
        also = f", or {expected}" if expected else ""
        raise UnreadableFileError(f"{folder} holds no {name}: expected {_COCO_NAMES[0]} with images/{also}.")
    return Dataset(name, evenly(samples, limit))


def _pairs(images: Path, masks: Path, known: PaperSet) -> Sequence[Sample]:
    by_stem = {one_form(path.stem): path for path in images.iterdir() if path.is_file()}
    samples = []
    for mask in sorted(masks.iterdir()):
        stem = one_form(mask.stem)
        image = by_stem.get(stem) or by_stem.get(stem.rpartition("#")[0])
        if image is None:
            continue
        prefix = f"{masks.parent.name}-{mask.stem}" if len(known.folders) > 1 else mask.stem
        if known.each_value:
            values = [int(value) for value in np.unique(read_labels(mask)) if value]
            samples += [Sample(f"{prefix}__{v}", image, mask, object_values=(v, v)) for v in values]
        else:
            ignored = (1, known.object_from - 1) if known.ignore_band else None
            samples.append(Sample(prefix, image, mask, object_values=(known.object_from, 255), ignored_values=ignored))
    return samples
