"""Make the pictures of README and docs from real runs: ``python docs/make_pictures.py``, with a display or xvfb-run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
from hands import Hands, open_dock, wait
from qtpy.QtCore import Qt
from skimage.data import cell, coffee, coins, retina
from skimage.io import imsave
from skimage.segmentation import find_boundaries
from superqt import QCollapsible

from napari_m2n2v2 import Click, Session, compute_features, find_similar
from napari_m2n2v2.features.states import FeatureState

IMAGES = Path(__file__).parent / "images"
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
BOXES = ((26, 129, 75, 181), (28, 190, 75, 242), (94, 243, 146, 298), (169, 187, 218, 239))  # around coins


def save(viewer: napari.Viewer, name: str) -> None:
    """Save the whole window."""
    wait(lambda: True)
    picture = viewer.screenshot(canvas_only=False, flash=False)[..., :3]
    imsave(IMAGES / f"{name}.png", np.ascontiguousarray(picture), check_contrast=False)


def begin(image: np.ndarray, name: str, **named: Any) -> tuple[napari.Viewer, Any]:
    viewer = napari.Viewer()
    viewer.window.resize(1250, 800)
    layer = viewer.add_image(image, name=name, **named)
    dock = open_dock(viewer)
    wait(dock.isVisible)
    dock.tour.hide()
    viewer.reset_view()
    dock.image.value = layer
    return viewer, dock


def start(dock: Any) -> None:
    dock.start.click()
    wait(lambda: dock.controller.state.active.state is FeatureState.READY)


def click(dock: Any, row: float, col: float, foreground: bool = True) -> None:
    dock.controller.state.set_foreground(foreground)
    dock.controller.state.active.points.add([row, col])
    wait(lambda: not (dock.controller.state.active.is_computing or dock.controller.solving.is_solving))


def objects() -> None:
    viewer, dock = begin(coffee(), "coffee", scale=(0.25, 0.25), units=("mm", "mm"))
    dock.tour.show()  # as one sees it who opens the dock for the first time
    save(viewer, "before")
    dock.tour.hide()
    start(dock)
    for row, col in ((330, 150), (210, 110), (180, 450)):
        click(dock, row, col)
    for row, col in ((215, 300), (100, 290)):
        click(dock, row, col, foreground=False)
    dock.controller.objects.next()
    click(dock, 215, 300)
    click(dock, 60, 500, foreground=False)
    click(dock, 60, 290)
    dock.controller.edits.describe(1, name="saucer")
    dock.controller.edits.describe(2, name="cup")
    dock.controller.state.set_foreground(True)
    save(viewer, "dock")
    viewer.close()


def why() -> None:
    viewer, dock = begin(cell(), "cell")
    start(dock)
    click(dock, 374, 429)
    click(dock, 80, 80, foreground=False)
    for fold in dock.findChildren(QCollapsible):
        if fold.text() in ("How far a click reaches", "Why"):
            fold.expand(animate=False)
    dock.controller.explain.show("Doubt", True)
    dock.controller.preview.suggest()
    wait(lambda: {"cell Doubt", "suggested click"} <= {layer.name for layer in viewer.layers})
    dock.controller.state.active.points.mode = "select"
    dock.controller.state.active.points.selected_data = {0}
    dock.controller.state.set_foreground(True)
    save(viewer, "why")
    viewer.close()


def large() -> None:
    viewer, dock = begin(retina(), "retina")
    start(dock)
    dock.controller.field.set_by_view(True)
    dock.controller.explain.show_frames(True)
    look(viewer, 690, 430)
    click(dock, 640, 240)
    click(dock, 640, 420, foreground=False)
    dock.controller.state.set_foreground(True)
    viewer.reset_view()
    save(viewer, "large")
    viewer.close()


def similar() -> None:
    """Coins like one that was clicked: green what is certain, red what is not; the example in blue."""
    image = coins()
    session = Session(compute_features(image))
    session.click(Click(125, 90))
    proposals = find_similar(session)
    picture = np.repeat(image[..., None], 3, axis=2)
    for one in proposals:
        outline = find_boundaries(np.pad(one.mask.values, 2), mode="thick")[2:-2, 2:-2]
        place = slice(one.mask.row, None), slice(one.mask.col, None)
        colour = (255 * (1 - one.certainty), 255 * one.certainty, 0)
        picture[place][: outline.shape[0], : outline.shape[1]][outline] = colour
    picture[find_boundaries(session.result.mask, mode="thick")] = (60, 150, 255)
    imsave(IMAGES / "similar.png", np.kron(picture, np.ones((2, 2, 1), np.uint8)), check_contrast=False)


def prompts() -> None:
    hands = Hands()
    hands.add(coins(), "coins")
    hands.press(hands.dock.start)
    for top, left, bottom, right in BOXES:
        hands.draw([(top, left), (top + 9, left + 9), (bottom, right)], SHIFT)
    angles = np.linspace(0, 2 * np.pi, 25)
    hands.draw([(53 + 22 * np.sin(a), 277 + 22 * np.cos(a)) for a in angles], SHIFT | CONTROL)
    hands.draw([(45, 270), (55, 284), (64, 272)], CONTROL)
    save(hands.viewer, "prompts")
    hands.viewer.close()


def similar_dock() -> None:
    """Coins proposed in the dock, the least certain but one being looked at."""
    viewer, dock = begin(coins(), "coins")
    start(dock)
    click(dock, 125, 90)
    dock.controller.objects.next()
    dock.of_similar.expand(animate=False)
    dock.similar.find.click()
    wait(lambda: bool(dock.controller.similar.shown) and not dock.controller.similar.is_finding)
    viewer.reset_view()
    for _ in range(2):
        dock.controller.similar.next()
    save(viewer, "similar_dock")
    viewer.close()


def look(viewer: napari.Viewer, row: float, col: float) -> None:
    """Zoom in."""
    viewer.scene.camera.zoom, viewer.scene.camera.center = 0.66, (row, col)
    wait(lambda: True)


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    objects()
    why()
    large()
    similar()
    prompts()
    similar_dock()


if __name__ == "__main__":
    main()
