"""OME-Zarr: NGFF 0.1 to 0.5 read, 0.4 (zarr 2) and 0.5 (zarr 3) written; plain zarr read."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_m2n2v2.errors import M2N2V2Error, MissingDependencyError, UnreadableFileError, UnwritableFileError
from napari_m2n2v2.files.labels import put_whole
from napari_m2n2v2.files.read import OTHER_SERIES, check_only_series
from napari_m2n2v2.files.stack_file import StackFile, unit_name
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.images.stack import Stack

__all__ = ["ZarrLabels", "import_zarr", "open_zarr"]

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


_CHUNK_SIDE = 1024  # pixels; a plane is written in pieces that other readers can handle


def import_zarr() -> Any:
    """Return the package.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingDependencyError('Stacks need zarr: pip install "napari-m2n2v2[stacks]"') from error
    return zarr


def open_zarr(path: Path, series: int | None = None) -> StackFile:
    """Open a folder of zarr, see :func:`~napari_m2n2v2.files.open_stack.open_stack`."""
    zarr = import_zarr()
    try:
        node = zarr.open(path, mode="r")
        if isinstance(node, zarr.Array):
            check_only_series(series)
            return _plain(path, node)
        attributes = dict(node.attrs)
        if "bioformats2raw.layout" in attributes.get("ome", attributes) and "0" in node:
            node = _of_container(path, node, series)
            attributes = dict(node.attrs)
        else:
            check_only_series(series)
        described = attributes.get("ome", attributes)
        if "multiscales" in described:
            return _ngff(path, node, described)
        if field := _first_field(described):
            raise UnreadableFileError(
                f"{path} is a plate or a well, which holds many images: name one field, such as {path / field}."
            )
        arrays = [array for _, array in node.arrays()]
    except M2N2V2Error:
        raise
    except Exception as error:  # zarr and its codecs raise their own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFileError(f"{path} cannot be read as zarr: {reason} ({type(error).__name__})") from error
    if len(arrays) != 1:
        raise UnreadableFileError(
            f"{path} has no multiscales of OME-Zarr, so one array was expected in it, but there are {len(arrays)}. "
            "Name the array itself, such as images.zarr/first."
        )
    return _plain(path, arrays[0])


def _of_container(path: Path, group: Any, series: int | None) -> Any:
    """Return one image of a container of several: the first, and a warning if there are others and none was asked for.

    Raises
    ------
    UnreadableFileError
        If there is no such image.
    """
    names = sorted((name for name, _ in group.groups() if name.isdecimal()), key=int)
    if str(series or 0) not in names:
        raise UnreadableFileError(f"{path}: there is no image {series} in it, but {', '.join(names)}.")
    if series is None and len(names) > 1:
        warnings.warn(
            f"{path} holds {len(names)} images ({', '.join(names)}), and the first is taken. For another one, "
            f"{OTHER_SERIES}, or name {path / names[1]}.",
            UserWarning, stacklevel=2,
        )  # fmt: skip
    return group[str(series or 0)]


def _plain(path: Path, array: Any) -> StackFile:
    given = getattr(array.metadata, "dimension_names", None) or (None,) * array.ndim
    last = str(given[-1] or "").lower()
    rgb = array.ndim > 2 and array.shape[-1] in (3, 4) and (last in ("c", "s") or (not last and array.dtype == "uint8"))
    ndim = array.ndim - rgb
    fallback = [f"axis-{axis}" for axis in range(ndim - 2)] + ["y", "x"][-ndim:]
    axes = [str(name).lower() if name else other for name, other in zip(given, fallback, strict=False)]
    stack = Stack.of(array, plane_axes=_plane_axes(axes), rgb=rgb)
    return StackFile(path, stack, tuple(axes), (1.0,) * ndim, ("",) * ndim, (0.0,) * ndim, "ome-zarr")


def _ngff(path: Path, group: Any, described: Mapping[str, Any]) -> StackFile:
    image: Mapping[str, Any] = next(iter(described["multiscales"]), {})
    if not image.get("datasets"):
        raise UnreadableFileError(f"{path} has multiscales of OME-Zarr without a level in them: it holds no image.")
    levels = [group[dataset["path"]] for dataset in image["datasets"]]
    ndim = levels[0].ndim
    # 0.1 and 0.2 name no axes, 0.3 by their letters alone
    given = image.get("axes") or ["t", "c", "z", "y", "x"][-ndim:]
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in given]
    names = [str(axis["name"]).lower() for axis in axes]
    if len(names) != ndim:
        raise UnreadableFileError(f"{path} names {len(names)} axes, but its data have {ndim}.")
    scale, translation = np.ones(ndim), np.zeros(ndim)
    # The level's own transformations come first, then those of all levels.
    for steps in (image["datasets"][0], image):
        for step in steps.get("coordinateTransformations", ()):
            if step["type"] == "scale":
                scale, translation = scale * step["scale"], translation * step["scale"]
            elif step["type"] == "translation":
                translation = translation + step["translation"]
    version = str(described.get("version") or image.get("version") or "0.4")
    return StackFile(
        path,
        Stack.of(levels, plane_axes=_plane_axes(names), multiscale=True),
        tuple(names),
        tuple(scale.tolist()),
        tuple(unit_name(axis.get("unit")) for axis in axes),
        tuple(translation.tolist()),
        "ome-zarr",
        version,
    )


def _first_field(described: Mapping[str, Any]) -> str:
    """Return the path of the first field of a plate or a well; empty for other groups."""
    if wells := described.get("plate", {}).get("wells"):
        return f"{wells[0]['path']}/0"
    images = described.get("well", {}).get("images")
    return str(images[0]["path"]) if images else ""


def _plane_axes(names: Sequence[str]) -> tuple[int, int]:
    return (names.index("y"), names.index("x")) if {"y", "x"} <= set(names) else (-2, -1)


class ZarrLabels:
    """Labels as an OME-Zarr image of its own, with the levels of the image; a coarse pixel is the one in its centre."""

    def __init__(self, path: Path, stack: Stack) -> None:
        self._path = path
        self._stack = stack

    @classmethod
    def create(cls, path: Path, like: StackFile, dtype: np.dtype[Any]) -> Self:
        """Begin one; see :func:`~napari_m2n2v2.files.open_stack.create_labels`."""
        zarr = import_zarr()
        old = like.ngff in ("0.1", "0.2", "0.3", "0.4")
        shapes = [_without_colour(level, like.stack) for level in like.stack.levels]

        def write(folder: Path) -> None:
            group = zarr.open_group(folder, mode="w", zarr_format=2 if old else 3)
            for n, shape in enumerate(shapes):
                chunks = tuple(
                    min(length, _CHUNK_SIDE) if axis in like.stack.plane_axes else 1
                    for axis, length in enumerate(shape)
                )
                version = (
                    {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if old else {"dimension_names": like.axes}
                )
                group.create_array(str(n), shape=shape, chunks=chunks, dtype=dtype, fill_value=0, **version)
            group.attrs.update(_described(path, like, shapes, "0.4" if old else "0.5"))

        put_whole(path, write)
        return cls.open(path, like, dtype)

    @classmethod
    def open(cls, path: Path, like: StackFile, dtype: np.dtype[Any] | None = None) -> Self:
        """Open one that was begun; see :func:`~napari_m2n2v2.files.open_stack.open_labels`."""
        zarr = import_zarr()
        try:
            group = zarr.open_group(path, mode="r+")
            levels = [group[str(n)] for n in range(len(like.stack.levels))]
        except Exception as error:  # zarr and its codecs raise their own
            raise UnreadableFileError(f"{path} is not a label volume of {like.path}: {error}") from error
        if levels[0].shape != like.stack.shape:
            raise UnreadableFileError(
                f"{path} is of shape {levels[0].shape}, but its image {like.path} of {like.stack.shape}."
            )
        return cls(path, Stack.of(levels, plane_axes=like.stack.plane_axes, multiscale=True))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the labels."""
        dtype: np.dtype[Any] = np.dtype(self._stack.levels[0].dtype)
        return dtype

    def write(self, index: Sequence[int], labels: NDArray[Any]) -> None:
        """Write the labels of one plane; see :meth:`~napari_m2n2v2.files.labels.LabelVolume.write`."""
        stack = self._stack
        index = stack.check(index)
        rows, columns = stack.plane_axes
        try:
            for level in stack.levels:
                place: list[Any] = [slice(None)] * level.ndim
                for axis, at in zip(stack.index_axes, index, strict=True):
                    place[axis] = at
                small = at_resolution(labels, (level.shape[rows], level.shape[columns]))
                level[tuple(place)] = small.T if rows > columns else small
        except Exception as error:  # zarr and its codecs raise their own
            raise UnwritableFileError(f"Cannot write plane {tuple(index)} of {self._path}: {error}") from error


def _without_colour(level: Any, stack: Stack) -> tuple[int, ...]:
    shape = tuple(int(length) for length in level.shape)
    return shape[:-1] if stack.rgb else shape


def _described(path: Path, like: StackFile, shapes: Sequence[tuple[int, ...]], version: str) -> dict[str, Any]:
    """Return the attributes of the group: multiscales, and that they are labels and of which image."""
    axes = [
        {"name": name} | ({"type": _TYPES[name]} if name in _TYPES else {}) | ({"unit": unit} if unit else {})
        for name, unit in zip(like.axes, like.units, strict=True)
    ]
    datasets = []
    for n, shape in enumerate(shapes):
        coarser = np.array(shapes[0]) / shape
        scale = np.array(like.scale) * coarser
        # A pixel of a coarser level has its centre between those it stands for.
        translation = np.array(like.translation) + (coarser - 1) / 2 * like.scale
        steps: list[dict[str, Any]] = [{"type": "scale", "scale": scale.tolist()}]
        if translation.any():
            steps.append({"type": "translation", "translation": translation.tolist()})
        datasets.append({"path": str(n), "coordinateTransformations": steps})
    multiscales = [{"name": path.stem.removesuffix(".ome"), "axes": axes, "datasets": datasets}]
    labels: dict[str, Any] = {}
    if like.ngff:
        labels["source"] = {"image": Path(os.path.relpath(like.path.resolve(), path.resolve())).as_posix()}
    if version == "0.4":
        return {"multiscales": [{"version": version, **multiscales[0]}], "image-label": {"version": version, **labels}}
    return {"ome": {"version": version, "multiscales": multiscales, "image-label": labels}}
