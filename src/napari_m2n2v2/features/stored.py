"""What of a transition matrix is stored: what it is made of where that is known, else the matrix itself.

Format 1 of the folder has the matrix alone, which is read as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.backbones.self_attention import Kept, Points, QueriesAndKeys
from napari_m2n2v2.features.disk import Arrays
from napari_m2n2v2.features.request import FeatureRequest, MadeOf, Transition
from napari_m2n2v2.parallel import Progress

__all__ = ["from_entry", "to_entry"]

_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, torch.float16, torch.bfloat16)}
"""Of what is kept. Those of 16 bits are stored as whole numbers: numpy does not have all of them."""


def to_entry(transition: Transition) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of an entry, and what is to be said about them."""
    about: dict[str, Any] = {
        "grid": transition.grid_shape, "note": transition.note, "device": transition.matrix.device.type
    }  # fmt: skip
    if (made_of := transition.made_of) is None:
        return {"transition": transition.matrix.numpy(force=True)}, about
    arrays = {"rows": made_of.rows.numpy(force=True), "columns": made_of.columns.numpy(force=True)}
    about["passes"] = []
    for number, kept in enumerate(made_of.passes):
        about["passes"].append([])
        for layer, part in enumerate(kept):
            tensors = {name: value for name, value in part._asdict().items() if isinstance(value, Tensor)}
            for name, tensor in tensors.items():
                arrays[_name(number, layer, name)] = _bits(tensor)
            said = {name: value for name, value in part._asdict().items() if name not in tensors}
            dtype = next(name for name, dtype in _DTYPES.items() if dtype == next(iter(tensors.values())).dtype)
            about["passes"][-1].append({"dtype": dtype, **said})
    return arrays, about


def from_entry(
    arrays: Arrays, about: Mapping[str, Any], request: FeatureRequest, report: Progress
) -> Transition | None:
    """Return the transition matrix of a stored entry; None if that holds nothing of the kind.

    What ``report`` raises passes through.
    """
    cells, note = math.prod(request.grid_shape), str(about.get("note", ""))
    if "passes" not in about:
        matrix = arrays.get("transition")
        if matrix is None or matrix.shape != (cells, cells):
            return None
        return Transition(torch.from_numpy(matrix).to(request.device), request.grid_shape, note)
    made_of = _made_of(arrays, about["passes"], cells)
    return None if made_of is None else request.remake_transition(made_of, note, report)


def _made_of(arrays: Arrays, passes: Sequence[Sequence[Mapping[str, Any]]], cells: int) -> MadeOf | None:
    try:
        kept = [
            [_part(arrays, number, layer, said) for layer, said in enumerate(layers)]
            for number, layers in enumerate(passes)
        ]
        rows, columns = (torch.from_numpy(arrays[name]) for name in ("rows", "columns"))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return None
    fits = {_cells(part) for layers in kept for part in layers} == {cells}
    return MadeOf(tuple(kept), rows, columns) if fits and rows.shape == columns.shape == (cells,) else None


def _part(arrays: Arrays, number: int, layer: int, said: Mapping[str, Any]) -> Kept:
    def tensor(name: str) -> Tensor:
        return _from_bits(arrays[_name(number, layer, name)], _DTYPES[said["dtype"]])

    if _name(number, layer, "points") in arrays:
        return Points(tensor("points"))
    scaling, weight, skip = float(said["scaling"]), float(said["weight"]), int(said["skip"])
    return QueriesAndKeys(tensor("query"), tensor("key"), scaling, weight, skip)


def _cells(part: Kept) -> int:
    """Return of how many cells a part is, -1 if it does not fit together."""
    if isinstance(part, Points):
        return len(part.points) if part.points.ndim == 2 else -1
    fits = part.query.ndim == 3 and part.query.shape == part.key.shape and len(part.query) > 0 and part.skip >= 0
    return part.query.shape[1] - part.skip if fits else -1


def _name(number: int, layer: int, name: str) -> str:
    return f"{name} {number}.{layer}"


def _bits(tensor: Tensor) -> NDArray[Any]:
    bits = tensor if tensor.dtype == torch.float32 else tensor.view(torch.int16)
    return bits.numpy(force=True)


def _from_bits(array: NDArray[Any], dtype: torch.dtype) -> Tensor:
    bits = torch.from_numpy(array)
    if bits.dtype != (torch.float32 if dtype == torch.float32 else torch.int16):
        raise ValueError(f"{bits.dtype} does not hold {dtype}")
    return bits.view(dtype)
