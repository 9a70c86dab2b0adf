"""What backbones read in an image: attention and depth, mirrored too if asked, on the CPU where a GPU is too small."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.backbones import AttentionBackbone, DepthBackbone, release_models
from napari_m2n2v2.backbones.self_attention import Kept, attention_of, keeping
from napari_m2n2v2.method.attention import flip_cells
from napari_m2n2v2.parallel import Progress
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["Attention", "grid_for", "one_pass", "planned_grid", "read_attention", "read_depth", "remake_attention"]

_LARGEST_CPU_GRID = 64  # unless it is asked for: a click's chain costs the fourth power of it


_T = TypeVar("_T")


# Networks are watched while they run, by hooks on modules that all threads share.
_ONE_PASS_AT_A_TIME = threading.Lock()


def grid_for(shape: tuple[int, int], grid: int) -> tuple[int, int]:
    """Return the ``(h, w)`` nearest to the aspect ratio of ``shape`` with about ``grid ** 2`` cells."""
    aspect = (shape[0] / shape[1]) ** 0.5
    most = grid * grid
    return min(max(1, round(grid * aspect)), most), min(max(1, round(grid / aspect)), most)


def planned_grid(
    backbone: AttentionBackbone, shape: tuple[int, int], device: torch.device, parameters: FeatureParameters
) -> tuple[int, int]:
    """Return the grid ``(h, w)`` for an image: the one asked for, else the backbone's, on a CPU one of at most 64."""
    usual = backbone.default_grid if device.type != "cpu" else min(backbone.default_grid, _LARGEST_CPU_GRID)
    return grid_for(shape, parameters.grid or usual)


class Attention(NamedTuple):
    """The grid, the tensor, what to say if the device had to change, and what each pass was made of, if it was kept."""

    grid_shape: tuple[int, int]
    tensor: Tensor
    note: str
    passes: tuple[Sequence[Kept], ...]


def read_attention(
    backbone: AttentionBackbone,
    image: NDArray[np.uint8],
    device: torch.device,
    parameters: FeatureParameters,
    report: Progress,
    *,
    keep: bool = False,
) -> Attention:
    """Read attention, and that of the mirrored image if asked for (section 9).

    Parameters
    ----------
    keep : bool
        Whether to return what it is made of, for :func:`remake_attention`, of backbones that can tell.
    """

    def compute(device: torch.device) -> Attention:
        grid_shape = planned_grid(backbone, (image.shape[0], image.shape[1]), device, parameters)
        passes: list[Sequence[Kept]] = []

        def read(image: NDArray[np.uint8], report: Progress) -> Tensor:
            if not keep:
                return backbone.attention(image, grid_shape, device, report)
            with keeping(making=True) as kept:
                tensor = backbone.attention(image, grid_shape, device, report)
            passes.append(kept)
            return tensor

        count = 2 if parameters.test_time_flip else 1
        tensor = read(image, lambda share, stage: report(share / count, stage))
        if parameters.test_time_flip:
            mirrored = np.ascontiguousarray(image[:, ::-1])
            other = read(mirrored, lambda share, stage: report((1 + share) / count, f"{stage}, mirrored"))
            _mean_with_mirrored_(tensor, other, grid_shape)
        return Attention(grid_shape, tensor, "", tuple(passes) if all(passes) else ())

    attention, note = one_pass(compute, device, backbone)
    return attention._replace(note=note)


def remake_attention(
    passes: Sequence[Sequence[Kept]], grid_shape: tuple[int, int], device: torch.device, report: Progress
) -> Tensor:
    """Make the tensor again that :func:`read_attention` read: the same, to the last bit, on one device."""

    def told(done: int) -> Callable[[float], None]:
        return lambda share: report((done + share) / len(passes), "attention")

    straight, *others = (attention_of(kept, device, told(done)) for done, kept in enumerate(passes))
    for mirrored in others:
        _mean_with_mirrored_(straight, mirrored, grid_shape)
    return straight


def _mean_with_mirrored_(tensor: Tensor, mirrored: Tensor, grid_shape: tuple[int, int]) -> None:
    tensor.add_(flip_cells(mirrored, grid_shape)).mul_(0.5)


def read_depth(
    backbone: DepthBackbone, image: NDArray[np.uint8], device: torch.device, flip: bool, report: Progress
) -> tuple[NDArray[np.float32], str]:
    """Return inverse depth ``[H', W']``, averaged with that of the mirrored image if asked for (section 9)."""

    def compute(device: torch.device) -> NDArray[np.float32]:
        straight = backbone.depth(image, device, lambda share, stage: report(0.15 * share, stage))
        if not flip:
            return straight
        mirrored = backbone.depth(
            np.ascontiguousarray(image[:, ::-1]), device,
            lambda share, stage: report(0.15 + 0.15 * share, f"{stage}, mirrored"),
        )  # fmt: skip
        return (straight + mirrored[:, ::-1]) * np.float32(0.5)

    return one_pass(compute, device, backbone)


def one_pass(
    compute: Callable[[torch.device], _T], device: torch.device, backbone: AttentionBackbone | DepthBackbone
) -> tuple[_T, str]:
    """Run a network while no other thread does, on the CPU if the device's memory is too small, and say so.

    A backbone with an attribute ``stands_for`` only waits for one elsewhere, beside which others may run.
    """
    with nullcontext() if hasattr(type(backbone), "stands_for") else _ONE_PASS_AT_A_TIME:
        return _or_on_cpu(compute, device)


def _or_on_cpu(compute: Callable[[torch.device], _T], device: torch.device) -> tuple[_T, str]:
    for _ in range(2):  # the second time with nothing else on the device
        try:
            return compute(device), ""
        except (torch.cuda.OutOfMemoryError, RuntimeError) as error:
            # MPS has no error class of its own for this.
            known = isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)
            if device.type == "cpu" or not known:
                raise
        release_models()
        torch.cuda.empty_cache()
    return compute(torch.device("cpu")), f"; on the CPU, because the memory of {device} is too small"
