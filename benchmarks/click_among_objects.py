"""What a second click costs among 0, 500 and 1,000 other objects: ``python -m benchmarks.click_among_objects``.

In the engine, then in the dock, which needs a display, at 1024 x 1024 with the offline weights. The objects start from
labels; half of them are accepted. Each count is clicked anew in turns, and the least processor time of some rounds is
told, so that it can be read on a busy machine; of the dock, that of all threads until the mask is shown. Before that,
importing the labels, accepting half of them at once, and undoing that: seconds on the clock.
``python -m benchmarks.click_among_objects 3 dock`` is three rounds in the dock alone.
"""

import sys
import time

import numpy as np

from benchmarks.docked import viewer_and_dock, wait
from napari_m2n2v2 import Click, Session, compute_features
from napari_m2n2v2.images.masks import masks_of

SIDE, COUNTS = 1024, (0, 500, 1000)
CLICKS = (Click(512, 512, object_id=5000), Click(505, 522, False, 5000))


def scene(side=SIDE, across=33, seed=0):
    """Return a plane of noisy discs, and their labels from 1 on, but for a larger disc in the middle."""
    step = side / across
    y, x = np.mgrid[:side, :side]
    row, col = np.floor(y / step), np.floor(x / step)
    inside = np.hypot(y - (row + 0.5) * step, x - (col + 0.5) * step) < 0.36 * step
    labels = np.where(inside, 1 + row * across + col, 0).astype(np.int32)
    middle = np.hypot(y - side / 2, x - side / 2)
    labels[middle < 0.05 * side] = 0
    bright = (labels > 0) | (middle < 0.04 * side)
    noisy = np.where(bright, 150, 60) + np.random.default_rng(seed).normal(0, 6, labels.shape)
    return noisy.clip(0, 255).astype(np.uint8), labels


def few(labels, count):
    """Keep so many labels, those that are spread over all of the plane."""
    ids = np.unique(labels)[1:]
    kept = np.random.default_rng(1).permutation(ids)[:count]
    return np.where(np.isin(labels, kept), labels, 0)


def in_engine(image, labels, rounds):
    features = compute_features(image, "offline", device="cpu")
    sessions = {}
    for count in COUNTS:
        starts = masks_of(few(labels, count))
        sessions[count] = Session(features)
        accepted = {i: mask for n, (i, mask) in enumerate(starts.items()) if n % 2}
        sessions[count].replay((), starts=starts, accepted=accepted)
    taken = {count: [] for count in COUNTS}
    for n in range(rounds + 1):
        for count, session in sessions.items():
            clicks = [Click(c.row + n, c.col + n, c.foreground, c.object_id) for c in CLICKS]
            session.click(clicks[0])
            begin = time.process_time()
            session.click(clicks[1])
            taken[count].append(time.process_time() - begin)
            session.replay(())
    tell("engine", taken)


def tell(where, taken):
    least = {count: min(times[1:]) for count, times in taken.items()}
    told = ", ".join(f"{1000 * seconds:.0f} ms among {count}" for count, seconds in least.items())
    ratios = ", ".join(f"{least[count] / least[0]:.2f}" for count in COUNTS[1:])
    print(f"{where}: a second click takes {told}; times that among 0: {ratios}", flush=True)


def in_dock(image, labels, rounds):
    with viewer_and_dock() as (viewer, dock):
        click_in_dock(viewer, dock, image, labels, rounds)


def click_in_dock(viewer, dock, image, labels, rounds):
    from qtpy.QtWidgets import QApplication

    controller = dock.controller

    def settle():
        wait(lambda: controller.activity.present is None and not controller.jobs.keys)
        for _ in range(5):
            QApplication.processEvents()

    def timed(call):
        begin = time.perf_counter()
        call()
        settle()
        return time.perf_counter() - begin

    docks = {}
    controller.settings.change(attention="offline", device="cpu")
    for count in COUNTS:
        layer = viewer.add_image(image, name=f"among {count}")
        dock.image.value = layer
        controller.images.start(layer)
        settle()
        source = viewer.add_labels(few(labels, count), name=f"{count} labels", visible=False)
        docks[count] = controller.state.active
        if count:
            imported = timed(lambda source=source: controller.taking_over.take_over(layer=source))
            ids = [*controller.state.active.work.planes]
            accepting = timed(lambda ids=ids: controller.objects.accept(*ids[::2]))
            undoing = timed(controller.clicks.undo)
            controller.clicks.redo()
            settle()
            print(
                f"{count} labels: imported in {imported:.2f} s, {len(ids[::2])} accepted in {accepting:.2f} s, "
                f"undone in {undoing:.2f} s"
            )
    taken = {count: [] for count in COUNTS}
    for n in range(rounds + 1):
        for count, workspace in docks.items():
            controller.state.activate(workspace)
            controller.images.start(workspace.image)
            controller.objects.select(CLICKS[0].object_id)
            controller.clicks.add(CLICKS[0].row + n, CLICKS[0].col + n)
            settle()
            time.sleep(1)  # the click before is being saved
            begin = time.process_time()
            controller.clicks.add(CLICKS[1].row + n, CLICKS[1].col + n, foreground=False)
            settle()
            taken[count].append(time.process_time() - begin)
            controller.objects.reset()
            settle()
    tell("dock", taken)


def main(rounds=5, *where):
    image, labels = scene()
    for part in where or ("engine", "dock"):
        {"engine": in_engine, "dock": in_dock}[part](image, labels, int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
