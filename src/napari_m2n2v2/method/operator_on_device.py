"""Building the upsampling operator by tensor operations, for a GPU, which has an image in the time of a few clicks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from napari_m2n2v2.method.window import Axis, Floats, range_scale, spatial_window

__all__ = ["build_dense"]

_ROWS_AT_ONCE = 64  # 64 x 1024 pixels with a window of 97 columns: 25 MB for each of a few arrays

_LARGEST = 65535.0


def build_dense(
    guide: Floats,
    rows: Axis,
    cols: Axis,
    sigma_range: float,
    finished: Callable[[float], None] | None,
    device: torch.device,
) -> tuple[NDArray[np.uint16], Floats]:
    """Do what :func:`napari_m2n2v2.method.operator_compiled.build_dense` does, on a device; the result is on the CPU.

    Window weights are those of the compiled kernel to 3e-6 relative, so a whole number may be off by one now and then.
    """
    _, height, width = guide.shape
    image = torch.from_numpy(guide).to(device)
    window = torch.from_numpy(spatial_window(rows, cols)).to(device)
    fold = torch.from_numpy(cols.fold().transpose(2, 0, 1).copy()).to(device)
    weights = np.empty((height, rows.cells, cols.cells, width), dtype=np.uint16)
    unit = np.empty((height, width), dtype=np.float32)
    for start in range(0, height, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, height)
        block = _folded(image, window, fold, rows, range(start, stop), float(range_scale(sigma_range)))
        whole, total = _in_whole_numbers(block)
        weights[start:stop] = whole.numpy(force=True).astype(np.uint16)
        unit[start:stop] = total.to(torch.float32).reciprocal().numpy(force=True)
        if finished is not None:
            finished(stop / height)
    return weights, unit


def _folded(image: Tensor, window: Tensor, fold: Tensor, rows: Axis, of: range, scale: float) -> Tensor:
    """Return the weights of some rows' pixels on their blocks of cells, ``[R, kr, W, kc]``, not normalised."""
    radius = window.shape[1] // 2
    width, _, cells = fold.shape
    here = image[:, of.start : of.stop, :, None]
    block = torch.zeros((len(of), rows.cells, width, cells), device=image.device)
    for step, log_spatial in zip(range(-rows.radius, rows.radius + 1), window, strict=True):
        some = np.arange(max(of.start, -step), min(of.stop, image.shape[1] - step))
        if not some.size:
            continue
        source, at = some + step, torch.from_numpy(some - of.start).to(image.device)
        seen = pad(image[:, source[0] : source[-1] + 1], (radius, radius)).unfold(2, 2 * radius + 1, 1)
        unlike = (seen - here[:, some[0] - of.start : some[-1] - of.start + 1]).square_().sum(dim=0)
        weight = unlike.mul_(scale).add_(log_spatial).exp2_()  # the window is -inf outside its ellipse
        part = torch.bmm(weight.transpose(0, 1), fold).transpose(0, 1)
        share = torch.from_numpy(rows.share[source]).to(image.device)[:, None, None]
        for cell, of_cell in ((rows.lower, 1 - share), (rows.upper, share)):
            place = torch.from_numpy((cell[source] - rows.first[some]).astype(np.int64)).to(image.device)
            block[at, place] += part * of_cell
    return block


def _in_whole_numbers(block: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``[R, kr, kc, W]`` int32 and each pixel's sum; what rounding takes goes to the next cell."""
    count, kr, width, kc = block.shape
    scaled = block.mul_(_LARGEST / block.amax(dim=(1, 3), keepdim=True))
    whole = torch.empty((count, kr, kc, width), dtype=torch.int32, device=block.device)
    left = torch.zeros((count, width), device=block.device)
    for k in range(kr):
        for m in range(kc):
            exact = scaled[:, k, :, m] + left
            rounded = (exact + 0.5).floor_().clamp_(0, _LARGEST)
            left = exact - rounded
            whole[:, k, m] = rounded.to(torch.int32)
    return whole, whole.sum(dim=(1, 2))
