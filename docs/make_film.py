"""Film three clicks to a mask, and finding similar objects, in the real dock: ``python docs/make_film.py``.

Needs a display or xvfb-run, and writes animated pictures into docs/images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hands import Hands, wait
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from skimage.data import coffee, coins

IMAGES = Path(__file__).parent / "images"
WIDTH = 860
SECOND = 1000


class Film:
    """Pictures of the window one after the other, each for some time."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.pictures: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, milliseconds: int = SECOND) -> None:
        """Take a picture with the cursor in it."""
        shot = Image.fromarray(self.hands.shot())
        shot = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
        self.pictures.append(shot.convert("P", palette=Image.Palette.ADAPTIVE, colors=128))
        self.times.append(milliseconds)

    def save(self, name: str) -> None:
        """Write them as an animated picture that goes on for ever."""
        first, *others = self.pictures
        first.save(
            IMAGES / f"{name}.gif", save_all=True, append_images=others, duration=self.times, loop=0, optimize=True
        )


def three_clicks() -> None:
    """A saucer without its cup."""
    hands = Hands()
    film = Film(hands)
    hands.add(coffee(), "coffee")
    film.take()
    QTest.mouseMove(hands.native, hands.where(330, 150))
    hands.click(330, 150)
    film.take(1500)
    hands.click(230, 300, Qt.MouseButton.RightButton)
    film.take(1500)
    hands.click(180, 440)
    film.take(3000)
    area = np.count_nonzero(hands.masks) / hands.masks.size
    if not 0.25 < area < 0.4:
        raise RuntimeError(f"not so: the saucer covers about a third of the picture, got {area:.2f}")
    film.save("three_clicks")
    hands.viewer.close()


def find_similar() -> None:
    """One coin clicked, the others proposed, one rejected, the rest accepted."""
    hands = Hands()
    film = Film(hands)
    hands.add(coins(), "coins")
    hands.click(125, 90)
    film.take(1500)
    hands.unfold("Find similar")
    film.take(1000)
    panel, similar = hands.dock.similar, hands.dock.controller.similar
    hands.press(panel.find)
    wait(lambda: bool(similar.shown) and not similar.is_finding)
    film.take(2500)
    hands.press(panel.next)
    film.take(1500)
    hands.press(panel.reject)
    film.take(1500)
    before = len(similar.shown)
    hands.press(panel.accept_shown)
    film.take(3000)
    if len(np.unique(hands.masks)) < before:
        raise RuntimeError("not so: what was accepted are masks")
    film.save("find_similar")
    hands.viewer.close()


def main() -> None:
    """Make both."""
    IMAGES.mkdir(exist_ok=True)
    three_clicks()
    find_similar()


if __name__ == "__main__":
    main()
