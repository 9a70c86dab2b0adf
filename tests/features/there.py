"""What workers of test clusters are asked to do; they import it by this name."""

import time
from pathlib import Path

from napari_m2n2v2.errors import Cancelled
from napari_m2n2v2.features.cluster import _telling


def until_stopped(file, topic):
    """Work, telling how far it is, until nobody waits for it any more; then say so in a file."""
    report = _telling(topic)
    try:
        for step in range(600):
            report(step / 600, "working")
            time.sleep(0.05)
    except Cancelled:
        Path(file).write_text("stopped")


def who(topic):
    """The address of the worker that does it."""
    from distributed import get_worker

    return get_worker().address
