"""napari with the dock in it, for benchmarks: what it saves by itself goes into a folder of the run's own."""

import os
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@contextmanager
def own_folder():
    """Leave the user's sessions and napari's settings alone, also in processes started meanwhile; the tour was taken.

    To be entered before napari is imported.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["NAPARI_CONFIG"] = ""
        os.environ["NAPARI_M2N2V2_AUTOSAVE"] = str(Path(folder) / "autosave")
        (Path(folder) / "tour-seen").touch()
        yield


def open_dock(viewer):
    return viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")[1]


@contextmanager
def viewer_and_dock():
    """A viewer with the dock, closed in the end."""
    with own_folder():
        import napari

        viewer = napari.Viewer()
        yield viewer, open_dock(viewer)
        viewer.close()


def wait(done=lambda: True, least=0.0, most=600.0):
    """Let Qt work until ``done()``, and for some seconds at least."""
    from qtpy.QtWidgets import QApplication

    begun = time.monotonic()
    while time.monotonic() - begun < least or not done():
        if time.monotonic() - begun > most:
            raise TimeoutError("it did not get there")
        QApplication.processEvents()
        time.sleep(0.001)  # workers need Python's lock
