"""Attention without any weights: how alike two cells look, from colour, texture and position.

Not in the paper. It lets the plugin work on first launch anywhere, and is a fair floor for every other backbone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab
from torch import Tensor
from torch.nn.functional import interpolate

from napari_m2n2v2.backbones.self_attention import likeness

__all__ = ["AppearanceAttention"]

_PIXELS_PER_CELL = 4  # resolution at which colour and texture are measured
_SCALES = (0.5, 1.5)  # standard deviations of the blurs, in cells


class AppearanceAttention:
    """Softmax affinity of multi-scale colour, texture and position.

    The logit of two cells is ``-(d_look**2 / look**2 + d_place**2 / place**2) / 2``.

    Parameters
    ----------
    look : float
        Distance in appearance at which affinity has fallen to ``exp(-1/2)``, in units of the standard deviation of the
        image's own colours.
    place : float
        The same in space, as a share of the image's longest side.
    """

    name = "appearance"
    weights_revision = ""
    default_grid = 64
    long_chains = True

    def __init__(self, look: float = 0.25, place: float = 0.15) -> None:
        self.look = look
        self.place = place

    def release(self) -> None:
        """Do nothing: there are no weights."""

    def attention(
        self,
        image: NDArray[np.uint8],
        grid_shape: tuple[int, int],
        device: torch.device,
        progress: Callable[[float, str], None],
    ) -> Tensor:
        """See :class:`~napari_m2n2v2.backbones.AttentionBackbone`."""
        progress(0.0, "appearance")
        look = torch.from_numpy(_appearance(image, grid_shape)).to(device) / self.look
        h, w = grid_shape
        rows, cols = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        place = torch.stack([rows, cols], dim=-1).reshape(-1, 2).to(device, torch.float32) / (max(h, w) * self.place)
        points = torch.cat([look, place], dim=1)
        return likeness(points, lambda share: progress(share, "appearance"))


def _appearance(image: NDArray[np.uint8], grid_shape: tuple[int, int]) -> NDArray[np.float32]:
    """Describe each cell: ``[h*w, features]`` float32, in units of the standard deviation of the image's colours."""
    size = [_PIXELS_PER_CELL * side for side in grid_shape]
    planes = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None] / 255
    small = interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)[0]
    lab = rgb2lab(small.permute(1, 2, 0).clamp(0, 1).numpy()).astype(np.float32)
    gradient = np.stack(np.gradient(lab[..., 0]), axis=-1)
    groups = []
    for scale in _SCALES:
        sigma = (scale * _PIXELS_PER_CELL, scale * _PIXELS_PER_CELL, 0)
        colour = gaussian_filter(lab, sigma)
        spread = np.sqrt(np.maximum(gaussian_filter(lab * lab, sigma) - colour * colour, 0))
        orientation = np.sqrt(gaussian_filter(gradient * gradient, sigma))
        groups += [colour, 0.5 * spread, 0.5 * orientation]
    features = np.concatenate(groups, axis=-1)
    h, w = grid_shape
    cells = features.reshape(h, _PIXELS_PER_CELL, w, _PIXELS_PER_CELL, -1).mean(axis=(1, 3)).reshape(h * w, -1)
    spread_of_colour = cells[:, :3].std(axis=0).mean()
    scaled: NDArray[np.float32] = (cells / max(spread_of_colour, 1e-3) / np.sqrt(cells.shape[1])).astype(np.float32)
    return scaled
