"""The mouse as napari tells of it: which button, and what is a drag rather than a click."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LEFT_BUTTON", "RIGHT_BUTTON", "is_drag"]

LEFT_BUTTON, RIGHT_BUTTON = 1, 2

_LEAST = 5  # pixels of the canvas: napari takes a shorter way for a click


def is_drag(event: Any, begun: Any) -> bool:
    """Whether the mouse went so far from where its button went down, (x, y) of the canvas, that this is no click."""
    return bool(np.linalg.norm(np.array(event.pos) - begun) >= _LEAST)
