"""What ``napari.yaml`` names: commands, sample images, reading and writing sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2v2._napari.layers.points import feature_table
from napari_m2n2v2._napari.layers.prompts import handle_of
from napari_m2n2v2.errors import M2N2V2Error

__all__ = ["carry_on", "carry_other_way", "cells", "coffee", "get_reader", "write_clicks"]


def carry_on() -> None:
    """Carry the present object to the next slice, as the key W does."""
    if (console := _console()) is not None:
        console.propagate_on()


def carry_other_way() -> None:
    """Carry the present object to the next slice the other way, as Shift+W does."""
    if (console := _console()) is not None:
        console.propagate_back()


def _console() -> Any:
    """Return the dock of the viewer in front; say what to do where there is none."""
    from napari import current_viewer
    from napari.utils.notifications import show_info

    from napari_m2n2v2._napari.attach import console_of

    viewer = current_viewer()
    console = console_of(getattr(viewer, "__wrapped__", viewer))
    if console is None:
        show_info("Open the dock first: Plugins > M2N2V2 > Segment with clicks, then click on an object.")
    return console


def coffee() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a photo of a cup of coffee, 400 x 600 RGB."""
    from skimage.data import coffee as image

    return [(image(), {"name": "coffee"}, "image")]


def cells() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a phase-contrast image of one cell, 660 x 550 grey."""
    from skimage.data import cell as image

    return [(image(), {"name": "cell"}, "image")]


def get_reader(path: str | Sequence[str]) -> Any:
    """Return napari's reader for a session file, or None for other JSON."""
    if not isinstance(path, str) or not path.endswith(".json"):
        return None
    from napari_m2n2v2.session.session_file import load_session

    try:
        load_session(path)
    except M2N2V2Error:
        return None
    return _read


def _read(path: str) -> list[tuple[Any, dict[str, Any], str]]:
    """Read a session file as a Points layer with its clicks."""
    from napari_m2n2v2._napari.attach import WORK
    from napari_m2n2v2.session.session_file import load_session
    from napari_m2n2v2.session.work import Work

    document = load_session(path)
    ndim, placed = len(document.shape), document.placed
    work = Work(placed, document.accepted, document.about, document.starts)
    positions = np.zeros((len(placed), ndim))
    for row, p in zip(positions, placed, strict=True):
        others = [axis for axis in range(ndim) if axis not in p.plane.axes]
        shape = document.shape[p.plane.axes[0]], document.shape[p.plane.axes[1]]
        row[others], row[list(p.plane.axes)] = p.plane.index, handle_of(p.click, shape)
    settings = {
        "name": f"{Path(path).stem} clicks",
        "features": feature_table(placed, ndim),
        "metadata": {"session": str(path), WORK: work},
        "ndim": ndim,
    }
    return [(positions, settings, "points")]


def write_clicks(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Points layer of ours as the session file of the dock it belongs to: napari's Save As.

    Raises
    ------
    UnwritableFileError
        If the layer belongs to no image being segmented, or a layer was opened from that file.
    """
    from napari_m2n2v2._napari.attach import open_layers, session_of
    from napari_m2n2v2._napari.layers.sources import check_no_source
    from napari_m2n2v2.session.session_file import save_session

    session = session_of(meta["name"], meta.get("metadata", {}))
    check_no_source(open_layers(), Path(path))
    save_session(path, session)
    return [path]
