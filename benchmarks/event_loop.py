"""The longest gaps of the GUI's event loop while the dock works: ``python -m benchmarks.event_loop``, with a display.

A timer that is due all the time notes when it is served, in a real napari window. Each line is one thing a user does,
with the offline weights on a photo of 400 x 600 and on a stack of eight slices; what the dock reads ahead while one
looks for the first object is reported for itself. Software rendering on a machine without a GPU draws slowly: "drawing"
is the same with the dock closed, the camera moved a little each time.
"""

import time

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from skimage.data import coffee

from benchmarks.docked import open_dock, own_folder


class Watch:
    """Notes the gaps of the event loop while something is done."""

    def __init__(self):
        self.timer, self.gaps, self.last = QTimer(), [], 0.0
        self.timer.timeout.connect(self._tick)

    def _tick(self):
        now = time.perf_counter()
        self.gaps.append(now - self.last)
        self.last = now

    def during(self, title, action, done, least=0.5):
        """Do something, wait until it is done, and print the longest gaps."""
        self.gaps, self.last, began = [], time.perf_counter(), time.perf_counter()
        self.timer.start(0)
        action()
        while not done() or time.perf_counter() - began < least:
            QApplication.processEvents()
        self._tick()  # what was done within one turn of the loop
        self.timer.stop()
        longest = sorted(self.gaps)[-3:][::-1]
        over = np.mean(np.array(self.gaps) > 0.05)
        told = ", ".join(f"{1000 * gap:.0f}" for gap in longest)
        print(f"| {title} | {told} | {over:.1%} | {time.perf_counter() - began:.1f} s |", flush=True)


def main():
    with own_folder():
        measure()


def measure():
    import napari

    print("| while | longest gaps, ms | over 50 ms | in all |\n| --- | --- | --- | --- |")
    watch, viewer = Watch(), napari.Viewer()
    viewer.add_image(coffee(), name="coffee")

    def turn():
        for step in range(40):
            viewer.scene.camera.zoom *= 1.01 if step % 2 else 1 / 1.01
            QApplication.processEvents()

    watch.during("drawing", turn, lambda: True)
    made = []
    watch.during("opening the dock", lambda: made.append(open_dock(viewer)), lambda: True)
    (dock,) = made
    state, activity, solving = dock.controller.state, dock.controller.activity, dock.controller.solving

    def is_idle():
        return activity.present is None and not solving.is_solving

    watch.during("reading ahead, import of torch first", lambda: None, lambda: dock.warming.is_done)
    watch.during("features of a photo", dock.start.click, lambda: state.active is not None and is_idle())
    for n, (row, col) in enumerate(((330, 150), (230, 300), (60, 500)), start=1):
        watch.during(f"click {n}", lambda at=(row, col): state.active.points.add(at), is_idle)
    watch.during("undo", dock.buttons.undo.click, is_idle)
    viewer.layers.clear()
    viewer.close()

    viewer = napari.Viewer()
    volume = np.stack([np.roll(coffee()[::2, ::2, 0], 2 * z, axis=1) for z in range(8)])
    dock = open_dock(viewer)
    state, activity, solving = dock.controller.state, dock.controller.activity, dock.controller.solving
    layer = viewer.add_image(volume, name="stack")
    viewer.dims.set_current_step(0, 2)
    dock.image.value = layer
    watch.during("features of a slice", dock.start.click, lambda: state.active is not None and is_idle())
    watch.during("click in a slice", lambda: state.active.points.add((2, 165, 75)), is_idle)
    canvas = viewer.window._qt_viewer.canvas.native
    watch.during("W", lambda: QTest.keyClick(canvas, Qt.Key.Key_W), is_idle)


if __name__ == "__main__":
    main()
