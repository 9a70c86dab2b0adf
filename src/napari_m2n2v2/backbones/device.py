"""Which device torch computes on."""

from __future__ import annotations

import torch

from napari_m2n2v2.errors import DeviceError

__all__ = ["resolve_device"]


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device to use: the one named, or for ``"auto"`` CUDA, then MPS, then CPU.

    Parameters
    ----------
    device : str or torch.device
        ``"auto"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, ``"cpu"``.

    Raises
    ------
    DeviceError
        If the name is unknown, or this machine does not have it.
    """
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if device == "auto":
        return torch.device(available[0])
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise DeviceError(f"Unknown device {device!r}: expected 'auto', 'cuda', 'mps' or 'cpu'.") from error
    count = torch.cuda.device_count() if wanted.type == "cuda" else 1
    if wanted.type not in available or (wanted.index or 0) >= count:
        raise DeviceError(f"Device '{wanted}' is not on this machine, which has: {', '.join(available)}. Use 'auto'.")
    return wanted
