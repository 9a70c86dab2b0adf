"""What a backbone is: one that reads attention, or one that reads depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["AttentionBackbone", "DepthBackbone"]


class AttentionBackbone(Protocol):
    """Reads an image as self-attention between its grid cells (section 3.1, Eq. 1).

    One whose chains take many steps may have an attribute ``long_chains = True``: then clicks on large grids take them
    in few directions (:mod:`~napari_m2n2v2.method.low_rank`), where these are enough.
    """

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @property
    def weights_revision(self) -> str:
        """Which weights exactly; empty where there are none. May load them."""
        ...

    @property
    def default_grid(self) -> int:
        """Cells along the side of a square image, when the user asks for nothing else; on a CPU at most 64 are used."""
        ...

    def attention(
        self,
        image: NDArray[np.uint8],
        grid_shape: tuple[int, int],
        device: torch.device,
        progress: Callable[[float, str], None],
    ) -> Tensor:
        """Return the aggregated attention tensor.

        Parameters
        ----------
        image : ndarray
            ``[H, W, 3]`` uint8 RGB. The backbone resizes it to what its grid needs.
        grid_shape : tuple of int
            ``(h, w)``.
        device : torch.device
            Where to compute.
        progress : callable
            To be called at least every second as ``progress(share, stage)``; what it raises must pass through.

        Returns
        -------
        Tensor
            ``[h*w, h*w]`` float32 on ``device``, rows sum to 1, not shared with anyone: the caller writes into it.
        """
        ...

    def release(self) -> None:
        """Free the memory of the weights, if there are any; the next use loads them again."""
        ...


class DepthBackbone(Protocol):
    """Reads an image as inverse depth: a guide (section 3.2)."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @property
    def weights_revision(self) -> str:
        """Which weights exactly. May load them."""
        ...

    def depth(
        self, image: NDArray[np.uint8], device: torch.device, progress: Callable[[float, str], None]
    ) -> NDArray[np.float32]:
        """Return inverse depth.

        Parameters
        ----------
        image : ndarray
            ``[H, W, 3]`` uint8 RGB. The backbone resizes it to what it needs.
        device : torch.device
            Where to compute.
        progress : callable
            To be called at least every second as ``progress(share, stage)``; what it raises must pass through.

        Returns
        -------
        ndarray
            ``[H, W]`` float32, finite, near is large; any range, brought to ``[0, 1]`` by the caller.
        """
        ...

    def release(self) -> None:
        """Free the memory of the weights, if there are any; the next use loads them again."""
        ...
