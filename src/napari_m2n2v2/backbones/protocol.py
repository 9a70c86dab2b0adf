"""What an attention backbone is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["AttentionBackbone"]


class AttentionBackbone(Protocol):
    """Reads an image as self-attention between its grid cells (section 3.1, Eq. 1)."""

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
        """Cells along the side of a square image, when the user asks for nothing else."""
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
