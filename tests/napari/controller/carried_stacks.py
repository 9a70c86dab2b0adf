"""Stacks in the dock from which objects are carried."""

from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.propagation.propagate import Walk, propagate
from napari_m2n2v2.session.document import PlaneKey
from tests.propagation.drawn_stacks import RED, disc, drawn

CYLINDER = drawn([[(disc(24, 30, 10), RED)] * (1 < z < 7) for z in range(9)])


def key(z):
    return PlaneKey((1, 2), (z,))


def carried(workspace):
    """Slices with clicks that propagation placed."""
    return sorted({placed.plane.index[0] for placed in workspace.placed if placed.carried})


def by_engine(volume, start, last, labels):
    """What the engine gives by itself, in a script."""
    stack = Stack.of(volume, rgb=True)

    def features_of(index):
        return compute_features(stack.read(index), "appearance", device="cpu", parameters=FeatureParameters(grid=12))

    return list(propagate(features_of, Walk.along(stack, (start,), last), labels))


def begin(dock, volume, z, *clicks):
    layer = dock.viewer.add_image(volume, rgb=True, name="stack")
    dock.slide(z)
    dock.start(layer)
    for click in clicks:
        dock.points.add([z, *click])
        dock.settle()
    return dock


def until_done(dock):
    dock.qtbot.waitUntil(lambda: not dock.controller.propagation.queue.is_running, timeout=60_000)
    dock.settle()
