"""Ten everyday jobs, played with real mouse and key events in the real dock, with a picture of each.

``python docs/make_jobs.py [NAME ...]``, with a display or xvfb-run; makes docs/images/jobs/. Each job looks at what
came of it and fails where that is not what docs/jobs.md says. Images of ../shared/data.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from hands import Hands, wait
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from skimage.data import coffee, retina
from skimage.io import imread, imsave

IMAGES = Path(__file__).parent / "images" / "jobs"
DATA = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared")) / "data"
NUCLEI = DATA / "dsb2018_nuclei"
RIGHT = Qt.MouseButton.RightButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


def picture(hands: Hands, name: str) -> None:
    """Save the whole window."""
    imsave(IMAGES / f"{name}.png", hands.shot(), check_contrast=False)


def check(condition: bool, what: str) -> None:
    """Stop where a job did not come to what it should."""
    if not condition:
        raise RuntimeError(f"Not so: {what}")


def nuclei(colour: str = "fluorescence") -> tuple[np.ndarray, np.ndarray, str]:
    """An image of nuclei with its instances, which say where the simulated user looks."""
    path = next(iter(sorted((NUCLEI / "images").glob(f"{colour}*.png"))))
    return imread(path), imread(NUCLEI / "instances" / path.name), path.stem


def apart(truth: np.ndarray) -> list[int]:
    """The instances that touch no other and no border, the largest first."""
    from scipy.ndimage import binary_dilation

    at_border = np.unique(np.r_[truth[0], truth[-1], truth[:, 0], truth[:, -1]])
    ids = np.setdiff1d(truth, [0, *at_border])
    alone = [i for i in ids if set(np.unique(truth[binary_dilation(truth == i, iterations=6)])) <= {0, i}]
    return sorted(alone, key=lambda i: -(truth == i).sum())


def middle(mask: np.ndarray) -> tuple[float, float]:
    """A pixel well inside."""
    from scipy.ndimage import distance_transform_edt

    row, col = np.unravel_index(distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].argmax(), mask.shape)
    return float(row), float(col)


# -- the jobs --------------------------------------------------------------------------------------------------------


def first_mask(hands: Hands) -> None:
    """An image, a click."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    wait(lambda: hands.masks.any())
    picture(hands, "1_first_mask")


def five_nuclei(hands: Hands) -> None:
    """Click, N, click ..."""
    image, truth, name = nuclei()
    hands.add(image, name)
    for n, i in enumerate(apart(truth)[:5]):
        if n:
            hands.key(Qt.Key.Key_N)
        hands.click(*middle(truth == i))
    check(len(np.unique(hands.masks)) == 6, "five objects")
    picture(hands, "2_five_nuclei")


def correct(hands: Hands) -> None:
    """A right-click where it is wrong, a click on what went with it."""
    saucer(hands)
    picture(hands, "3_correct")


def saucer(hands: Hands) -> None:
    """Three clicks to the mask of a saucer, without the cup on it."""
    cup, side = (230, 300), (180, 440)
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    check(bool(hands.masks[cup]), "the mask of the saucer takes in the cup")
    hands.click(*cup, RIGHT)
    check(not hands.masks[cup] and bool(hands.masks[330, 150]), "a background click takes the cup away")
    check(not hands.masks[side], "a side of the saucer went with it")
    hands.click(*side)
    check(bool(hands.masks[side]) and not hands.masks[cup], "it is back, and the cup is not")


def lock(hands: Hands) -> None:
    """N keeps an object: clicks beside it change nothing of it."""
    saucer(hands)
    kept = hands.masks == 1
    hands.key(Qt.Key.Key_N)
    hands.click(240, 300)
    check(bool(((hands.masks == 1) == kept).all()), "what was accepted is as it was")
    check(bool((hands.masks == 2).any()), "the cup has a mask")
    picture(hands, "4_lock")


def stack(hands: Hands) -> None:
    """W carries the object to the next slice."""
    import tifffile

    volume = tifffile.imread(DATA / "mni152_stack" / "volume.tif")
    truth = tifffile.imread(DATA / "mni152_stack" / "labels.tif")
    hands.add(volume, "brain", axis_labels=("z", "y", "x"))
    hands.viewer.dims.set_current_step(0, 70)
    hands.unfold("More")
    hands.dock.backbones.depth.setCurrentIndex(hands.dock.backbones.depth.findData("auto"))
    picture(hands, "5_stack_guide")
    hands.fold()
    hands.click(*middle(truth[70] > 0))
    first = hands.masks[70].copy()
    check(bool((first > 0)[truth[70] > 0].mean() > 0.9), "one click takes nearly all of it")
    picture(hands, "5_stack_click")
    hands.key(Qt.Key.Key_W)
    hands.key(Qt.Key.Key_W)
    check(bool(first.any()) and bool(hands.masks[72].any()), "the object is in slice 72")
    check(hands.viewer.dims.current_step[0] == 72, "slice 72 is shown")
    hands.unfold("Stack")
    picture(hands, "5_stack")


def large(hands: Hands) -> None:
    """Zoom in: what is in view is worked on."""
    hands.add(np.kron(retina(), np.ones((2, 2, 1), np.uint8)), "retina")
    check(hands.dock.by_view.isVisible(), "the dock says what is worked on")
    picture(hands, "6_large_whole")
    camera = hands.viewer.scene.camera
    camera.zoom, camera.center = 0.7, (0, 1300, 480)
    hands.click(1340, 500)
    check(hands.state.active.region is not None, "a part is worked on")
    first = (hands.masks == 1).sum()
    hands.click(1224, 399)
    check((hands.masks == 1).sum() > first > 0, "a mask is there, and grows")
    picture(hands, "6_large")
    camera.center = (0, 1400, 1400)
    hands.key(Qt.Key.Key_N)
    hands.click(1405, 1410)
    camera.zoom, camera.center = 0.19, (0, 1411, 1411)
    hands.unfold("Why")
    hands.press(hands.dock.why.parts)
    picture(hands, "6_large_parts")


def existing(hands: Hands) -> None:
    """Labels of another program, one of them corrected."""
    image, truth, name = nuclei()
    hands.add(image, name)
    wrong = truth.astype(np.int32).copy()
    missing = sorted(np.unique(truth[truth > 0]), key=lambda i: -(truth == i).sum())[0]
    wrong[truth == missing] = 0
    layer = hands.viewer.add_labels(wrong.copy(), name="from elsewhere")
    hands.dock.settings.labels.value = layer
    hands.press(hands.dock.start)
    hands.click(*middle(truth == missing))
    now = np.asarray(layer.data)
    check(bool((now[wrong > 0] == wrong[wrong > 0]).all()), "labels that were there are as they were")
    check(bool(((now > 0) & (wrong == 0) & (truth == missing)).any()), "the missing nucleus is there")
    picture(hands, "7_existing")


def again(hands: Hands) -> None:
    """Save, begin anew, load, go on."""
    with tempfile.TemporaryDirectory() as folder:
        hands.add(coffee(), "coffee")
        hands.click(330, 150)
        answer(Path(folder) / "coffee")
        hands.unfold("Save")
        hands.press(hands.dock.session.save)
        before = hands.masks.copy()
        hands.viewer.close()
        hands.open()
        hands.add(coffee(), "coffee")
        hands.unfold("Save")
        QFileDialog.getOpenFileName = lambda *_: (str(Path(folder) / "coffee.json"), "")
        hands.press(hands.dock.session.load)
        wait(lambda: hands.state.active is not None and hands.masks.any())
        check(bool((hands.masks == before).all()), "the same masks, to the pixel")
        hands.key(Qt.Key.Key_N)
        hands.click(200, 300)
        check(len(np.unique(hands.masks)) == 3, "one can go on")
        picture(hands, "8_again")


def export(hands: Hands) -> None:
    """Masks as a file that others read."""
    with tempfile.TemporaryDirectory() as folder:
        hands.add(coffee(), "coffee")
        hands.click(330, 150)
        answer(Path(folder) / "coffee_masks")
        hands.unfold("Save")
        hands.dock.session.masks.setCurrentText("PNG")
        hands.press(hands.dock.session.save)
        check(bool((imread(Path(folder) / "coffee_masks.png") == hands.masks).all()), "the file holds the masks")
        picture(hands, "9_export")


def undo(hands: Hands) -> None:
    """A click in the wrong place, dragged; another, undone."""
    hands.add(coffee(), "coffee")
    hands.click(330, 150)
    right = hands.masks.copy()
    hands.click(60, 500)
    check(bool((hands.masks != right).any()), "the slip did something")
    hands.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    check(bool((hands.masks == right).all()), "undo gives the mask of before")
    picture(hands, "10_undo")


def answer(path: Path) -> None:
    """Answer the next question where to save."""
    QFileDialog.exec = lambda dialog: dialog.selectFile(str(path)) or 1


JOBS = (first_mask, five_nuclei, correct, lock, stack, large, existing, again, export, undo)


def main(wanted: list[str]) -> None:
    """Play the jobs, each in a window of its own."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for job in JOBS:
        if not wanted or job.__name__ in wanted:
            began, hands, came_to = time.monotonic(), Hands(), "done"
            try:
                job(hands)
            except (RuntimeError, TimeoutError) as error:
                came_to = str(error)
                failed.append(job.__name__)
                failure = Path(tempfile.gettempdir()) / f"failed_{job.__name__}.png"  # no picture for the pages
                imsave(failure, hands.shot(), check_contrast=False)
                came_to += f", see {failure}"
            print(f"{job.__name__}: {came_to}, {time.monotonic() - began:.0f} s", flush=True)
            hands.viewer.close()
    if failed:
        sys.exit(f"Not done: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
