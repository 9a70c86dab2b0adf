"""Open napari on a demo: what ``napari-m2n2v2 demo`` shows where there is a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_m2n2v2._napari.attach import attach
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.errors import MissingDependencyError

__all__ = ["show"]


def show(image: Any, clicks: Sequence[Click], **settings: Any) -> None:
    """Open a viewer with the dock, start it on ``image`` and place ``clicks``; returns when the window is closed.

    Parameters
    ----------
    image : array-like
        To segment.
    clicks : sequence of Click
        On it.
    **settings
        Of :class:`~napari_m2n2v2._napari.model.settings.Settings`.

    Raises
    ------
    MissingDependencyError
        If no Qt binding is installed.
    """
    import napari
    from qtpy import QtBindingsNotFoundError

    try:
        viewer = napari.Viewer(title="napari-m2n2v2 demo")
    except (QtBindingsNotFoundError, ImportError) as error:
        raise MissingDependencyError(
            'napari needs a Qt binding to open a window: pip install "napari-m2n2v2[gui]". '
            "The demo's files were written; --headless asks for no window."
        ) from error
    layer = viewer.add_image(image, name="demo")
    console = attach(viewer)
    console.change_settings(**settings)
    console.start(layer)
    console.set_clicks(clicks)
    napari.run()
