"""The table of targets: each line names a cell of what was measured, and what it should be."""

import re
from typing import NamedTuple

from benchmarks.page import cell, number, part, table

NOT_MEASURED = "not measured"


class Line(NamedTuple):
    """One line.

    ``target`` holds a number with a unit, which is the most it may be, or the words that should stand in the cell, or
    nothing where there is no target. The cell is that of ``column`` in the row of ``part`` that begins with ``row``; of
    a row ``than``, if there is one, the same column holds the target.
    """

    work: str
    target: str
    part: str
    row: tuple[str, ...]
    column: str
    than: tuple[str, ...] = ()


def of_click(work, target, column, *row):
    return Line(work, target, "clicks", row, column)


PUBLISHED, DEFAULT = ("480x854", "64", "offline", "published"), ("480x854", "64", "offline", "default")
APPEARANCE = "480x854", "64", "appearance", "default"
AGAIN, MATRIX, READ = ("what the matrix is made of",), ("transition matrix, float32",), "as reading it"
NOW, BEFORE = ("1", "now", "yes", "yes"), ("1", "0.1", "no", "yes")
LOOK = "attention to the first look"
SD2 = "Stable Diffusion 2: features, once loaded"
ON_A_GPU = ("features, once loaded", SD2), ("first click", "tenth click")

LINES = (
    Line("features, 480 x 854, grid 64", "", "clicks", ("480x854",), "grid 64"),
    Line("features, 1024 x 1024, grid 64", "4.33 s, half of what it was", "clicks", ("1024x1024",), "grid 64"),
    Line("upsampling operator, 1024 x 1024, grid 64", "", "stages", ("1024x1024",), "grid 64"),
    Line("upsampling operator, 480 x 854, grid 64", "1.5 s", "stages", ("480x854",), "grid 64"),
    Line("its memory, 480 x 854, grid 64", "100 MB", "memory", ("480x854", "64"), "operator"),
    Line("first look after attention, 480 x 854", "100 ms", "first-look", ("480x854",), LOOK),
    Line("first look after attention, 1024 x 1024", "100 ms", "first-look", ("1024x1024",), LOOK),
    Line("dock to ready, cached, Start at once", "8 s", "start", ("at once",), "from dock to ready"),
    Line("dock to ready, cached, Start after a look", "8 s", "start", ("after a look",), "from dock to ready"),
    Line("first click in a new part of a large image", "4 s", "new-part", (), "click to the mask"),
    of_click("first click, 480 x 854, grid 64, published", "60 ms", "first", *PUBLISHED),
    of_click("tenth click, 480 x 854, grid 64, published", "60 ms", "tenth", *PUBLISHED),
    of_click("first click, 480 x 854, grid 64, default", "90 ms", "first", *DEFAULT),
    of_click("tenth click, 480 x 854, grid 64, default", "90 ms", "tenth", *DEFAULT),
    of_click("tenth click, 1024 x 1024, grid 64, published", "150 ms", "tenth", "1024x1024", "64"),
    of_click("first click, 480 x 854, grid 128, published", "0.48 s", "first", "480x854", "128"),
    of_click("tenth click, 480 x 854, grid 128, published", "0.48 s", "tenth", "480x854", "128"),
    of_click("first click with `appearance`, 480 x 854, grid 64, default", "150 ms", "first", *APPEARANCE),
    of_click("tenth click with `appearance`, 480 x 854, grid 64, default", "150 ms", "tenth", *APPEARANCE),
    of_click("one of ten clicks moved, published", "1.15 times the tenth", "moved, against the tenth", *PUBLISHED),
    of_click("one of ten clicks moved, default", "1.15 times the tenth", "moved, against the tenth", *DEFAULT),
    of_click("scoring all of ten clicks, default", "15 ms", "time", "scores of all clicks"),
    of_click("undo and redo, default", "10 ms", "time", "undo and redo"),
    of_click("threshold of a click by the slider, default", "10 ms", "time", "threshold of a click set by hand"),
    Line("`import napari_m2n2v2`", "150 ms", "import", ("`napari_m2n2v2`",), "time"),
    Line("what travels for a plane at grid 64", "12 MB", "travels", ("64",), "what is answered"),
    Line("what is stored for a plane at grid 64", "20 MB", "stored", ("a plane from the folder",), "MB"),
    Line("a stored matrix made again, file in memory", READ, "stored", AGAIN, "load", MATRIX),
    Line("a stored matrix made again, file on disk", READ, "stored", AGAIN, "load, dropped", MATRIX),
    Line("click in a stored slice, a second after coming", "as of files of 0.1", "prepared", NOW, "median, s", BEFORE),
    Line("50 images opened in turn hold", "800 MB, the limit set", "many-images", ("50",), "open images, MB"),
    Line("two worker processes, one killed half-way", "the same masks", "elsewhere", (), "outcome"),
    *(Line(f"{name}, grid 128, on a GPU", "0.5 s", "gpu", (name,), "grid 128") for name in ON_A_GPU[0]),
    *(Line(f"{name}, grid 128, on a GPU", "20 ms", "gpu", (name,), "grid 128") for name in ON_A_GPU[1]),
)  # fmt: skip


def targets(page):
    """Return where it was measured and the table, of what stands in a page."""
    rows = [row_of(line, page) for line in LINES]
    return f"{measured_on(page)}\n\n{table(['work', 'target', 'measured', 'met', 'part'], rows)}"


def measured_on(page):
    """Say which machine and program it was, of each part where they differ."""
    found = {}
    for name in dict.fromkeys(line.part for line in LINES):
        said = re.search("<!-- on (.*) -->", part(page, name))
        found.setdefault(f"Measured on {said[1]}" if said else "Not measured", []).append(name)
    told = (where if len(found) == 1 else f"- {where}: {', '.join(names)}" for where, names in found.items())
    return "\n".join(f"{one}." for one in told)


def row_of(line, page):
    text, target = part(page, line.part), line.target
    measured = cell(text, line.row, line.column)
    if line.than:
        target = f"{cell(text, line.than, line.column) or NOT_MEASURED}, {target}"
    return line.work, target, measured or NOT_MEASURED, met(target, measured), line.part


def met(target, measured):
    """Say whether a target is met; nothing where there is none."""
    if not target:
        return ""
    most, found = number(target), number(measured or "")
    good = measured == target if most is None else found is not None and found <= most
    return "yes" if good else "**no**"
