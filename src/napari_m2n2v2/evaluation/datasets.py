"""Data sets with ground truth: folders, and COCO instance files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import M2N2V2Error, UnreadableFileError
from napari_m2n2v2.evaluation.coco import coco_mask
from napari_m2n2v2.files.paths import as_on_disk, inside, is_file, is_there, no_file, one_form
from napari_m2n2v2.files.read import ALLOW_OUTSIDE, PICTURE_FORMATS, read_image

__all__ = ["Dataset", "Sample", "evenly", "inverse_depth", "open_dataset", "read_labels"]


@dataclass(frozen=True)
class Sample:
    """One object to segment. Small and picklable: pixels are read where they are needed.

    Parameters
    ----------
    name : str
        Unique in its data set.
    image : Path
        The picture.
    mask : Path or None
        Ground truth, 0 and 255; None where ``annotation`` has it.
    depth, ignore : Path or None
        Registered depth; pixels to leave out, 255.
    annotation : str
        A COCO annotation as JSON, with its image's height and width.
    object_values, ignored_values : tuple of int
        Lowest and highest value in ``mask`` that is object, or is left out besides ``ignore``.
    """

    name: str
    image: Path
    mask: Path | None = None
    depth: Path | None = None
    ignore: Path | None = None
    annotation: str = ""
    object_values: tuple[int, int] = (128, 255)
    ignored_values: tuple[int, int] | None = None

    def read_truth(self) -> NDArray[np.bool_]:
        """Return the ground truth, bool ``[H, W]``."""
        if self.mask is None:
            return coco_mask(json.loads(self.annotation))
        return _between(self.mask, self.object_values)

    def read_ignore(self) -> NDArray[np.bool_] | None:
        """Return the pixels to leave out, bool ``[H, W]``, or None."""
        if self.ignore is not None:
            return _between(self.ignore, (128, 255))
        if self.ignored_values is not None and self.mask is not None:
            return _between(self.mask, self.ignored_values)
        return None

    def files(self) -> list[Path]:
        """Return the files it is read from."""
        return [path for path in (self.image, self.mask, self.depth, self.ignore) if path is not None]


@dataclass(frozen=True)
class Dataset:
    """A name and its samples, sorted by name."""

    name: str
    samples: tuple[Sample, ...]

    def digest(self) -> str:
        """Return the SHA-256 of all its files and annotations, in hexadecimal."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(sample.name.encode() + sample.annotation.encode())
            for path in sample.files():
                content = path.read_bytes() if path.is_file() else b"missing"
                digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


def open_dataset(path: str | Path, limit: int | None = None, *, allow_outside: bool = False) -> Dataset:
    """Open a folder (``images/ masks/ depth/ ignore/``) or a COCO instance file.

    Parameters
    ----------
    path : str or Path
        A folder with ``images/<id>.*`` and ``masks/<id>__<object>.png``, and where there are any ``depth/<id>.*`` and
        ``ignore/<id>__<object>.png``; or a ``.json`` in COCO's instance format, its images beside it or in ``images/``.
    limit : int, optional
        Only so many objects, spread evenly.
    allow_outside : bool
        Whether a list may name images outside its own folder.

    Raises
    ------
    UnreadableFileError
        If there is no such place or nothing in it.
    """
    path = Path(path)
    if not is_there(path):
        raise no_file(path, "a data set")
    samples = _coco_samples(path, allow_outside) if path.suffix == ".json" else _folder_samples(path)
    if not samples:
        raise UnreadableFileError(f"{path} holds no objects: expected images/<id>.* with masks/<id>__<object>.png.")
    return Dataset(path.stem if path.suffix == ".json" else path.resolve().name, evenly(samples, limit))


def evenly(samples: Iterable[Sample], limit: int | None) -> tuple[Sample, ...]:
    """Return samples by name; only ``limit`` of them, spread evenly, unless it is None."""
    ordered = tuple(sorted(samples, key=lambda sample: sample.name))
    if limit is None or limit >= len(ordered):
        return ordered
    return tuple(ordered[i] for i in np.linspace(0, len(ordered) - 1, limit).round().astype(int))


def inverse_depth(depth: NDArray[Any], far_is_large: bool) -> NDArray[np.float64]:
    """Return inverse depth, near is large: a distance Z in ``[0, 1]`` becomes ``1 / (Z + 0.25)`` (section 2)."""
    values = depth.astype(np.float64)
    if not far_is_large:
        return values
    span = values.max() - values.min()
    inverse: NDArray[np.float64] = 1 / ((values - values.min()) / (span or 1.0) + 0.25)
    return inverse


def read_labels(path: Path) -> NDArray[Any]:
    """Read a mask: palette images as their indices, of colours the largest channel."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=PICTURE_FORMATS) as image:
            if image.mode == "P":
                return np.asarray(image)
    except (OSError, UnidentifiedImageError):
        pass  # read_image says what is wrong, and reads formats that Pillow does not
    pixels = read_image(path)
    if pixels.ndim == 2:
        return pixels
    largest: NDArray[Any] = pixels[..., :3].max(axis=-1)
    return largest


def _between(path: Path, values: tuple[int, int]) -> NDArray[np.bool_]:
    plane = read_labels(path)
    between: NDArray[np.bool_] = (plane >= values[0]) & (plane <= values[1])
    return between


def _folder_samples(folder: Path) -> list[Sample]:
    if not (folder / "images").is_dir() or not (folder / "masks").is_dir():
        raise UnreadableFileError(f"{folder} is no data set: expected the folders images/ and masks/ in it.")
    images, depths = (_by_stem(folder / name) for name in ("images", "depth"))
    samples = []
    for mask in (folder / "masks").glob("*.png"):
        image = one_form(mask.stem.rpartition("__")[0])
        if image in images:
            ignore = folder / "ignore" / mask.name
            ignored = ignore if ignore.is_file() else None
            samples.append(Sample(mask.stem, images[image], mask, depths.get(image), ignored))
    return samples


def _by_stem(folder: Path) -> dict[str, Path]:
    return {one_form(path.stem): path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def _coco_samples(path: Path, allow_outside: bool) -> list[Sample]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors may begin with a byte order mark
        content = json.loads(text)
        images = {image["id"]: image for image in content["images"]}
        annotations = content["annotations"]
        return [_coco_sample(path.parent, images[found["image_id"]], found, allow_outside) for found in annotations]
    except M2N2V2Error:
        raise
    except FileNotFoundError as error:
        raise no_file(path, "COCO instances") from error
    except KeyError as error:
        raise UnreadableFileError(
            f"{path} cannot be read as COCO instances: {error} is missing. Expected images with id, file_name, height "
            "and width, and annotations with id, image_id of one of them, and segmentation."
        ) from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableFileError(f"{path} cannot be read as COCO instances: {type(error).__name__} {error}") from error


def _coco_sample(folder: Path, image: dict[str, Any], found: dict[str, Any], allow_outside: bool) -> Sample:
    name = str(image["file_name"])
    if not (allow_outside or inside(name)):
        raise UnreadableFileError(
            f"The image {name!r} lies outside {folder}: put it there or into images/ in it, or trust the list by "
            f"{ALLOW_OUTSIDE}."
        )
    beside = as_on_disk(folder / name)
    place = beside if is_file(beside) else as_on_disk(folder / "images" / name)
    shape = {"height": image["height"], "width": image["width"]}
    kept = json.dumps({"segmentation": found["segmentation"], **shape}, sort_keys=True)
    return Sample(f"{Path(name).stem}__{found['id']}", place, annotation=kept)
