"""Run every benchmark and write the figures into docs/performance.md: ``python benchmarks/run.py`` (about 11 minutes).

Absolute times mean little on a busy machine; run it on an idle one. ``ratios.py`` is the part that CI runs.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MEMORY = (("480x854", 64), ("1024x1024", 64), ("480x854", 128))


def run(*command):
    """Run Python on something and return what it printed."""
    print("+ python", *command, flush=True)
    done = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def timings():
    """Return the median seconds of every benchmark, by (name, size, grid, number), and what it noted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "times.json"
        options = ["--benchmark-only", f"--benchmark-json={path}", "-c", os.devnull, "--rootdir", ".", "-q"]
        run("-m", "pytest", "benchmarks", "-o", "python_files=bench_*.py", *options)
        found = {}
        for bench in json.loads(path.read_text())["benchmarks"]:
            info = bench["extra_info"]
            name = bench["name"].split("[")[0].removeprefix("test_")
            key = name, info.get("size"), info.get("grid"), info.get("number")
            found[key] = bench["stats"]["median"] / info.get("divide_by", 1), info
    return found


def import_seconds(module):
    """Return the median time of importing something in a fresh process, the interpreter's start left out."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return median(float(run("-c", code)) for _ in range(5))


def machine():
    """Describe this machine."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "numba", "transformers"))
    return f"{os.cpu_count()} cores of {model}, no GPU used; Python {platform.python_version()}, {packages}"


def show(seconds):
    """Write a time with a fitting unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def targets(times, memory, imports, ratios):
    """Return the rows of the table of targets: work, target, measured, whether it is met."""

    def of(name, size="480x854", grid=64, number=None):
        return times[name, size, grid, number][0]

    def row(work, target, measured, limit):
        return work, target, show(measured), "yes" if measured <= limit else "**no**"

    new = of("click", number=10)
    operator = memory["480x854", 64]["operator"]
    return [
        row("new click, 480 x 854, grid 64: the first", "60 ms", of("click", number=1), 0.06),
        row("the tenth", "60 ms", new, 0.06),
        row("scoring all earlier clicks, at 10 clicks", "15 ms", of("scores_of_all_clicks"), 0.015),
        row("new click, 1024 x 1024, grid 64 (the tenth)", "150 ms", of("click", "1024x1024", 64, 10), 0.15),
        row("new click, 480 x 854, grid 128: the first", "0.48 s", of("click", "480x854", 128, 1), 0.48),
        row("the tenth", "0.48 s", of("click", "480x854", 128, 10), 0.48),
        row("moved click among 10", "as a new click", of("moved_click_among_ten"), new * 1.15),
        row("undo and redo", "10 ms", of("undo_and_redo"), 0.01),
        row("threshold of a click by the slider", "10 ms", of("threshold_of_a_click_set_by_hand"), 0.01),
        row("upsampling operator, 480 x 854, grid 64, exact", "1.5 s", of("operator_build"), 1.5),
        (
            "operator memory, 480 x 854, grid 64", "100 MB", f"{operator:.0f} MB",
            "yes" if operator <= 100 else "**no**",
        ),
        row("`import napari_m2n2v2`", "0.15 s", imports["napari_m2n2v2"], 0.15),
    ]  # fmt: skip


def table(head, rows):
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def grid_table(times, name):
    """Write one stage's times, sizes down and grids across."""
    keys = [key for key in times if key[0] == name]
    sizes, grids = list(dict.fromkeys(k[1] for k in keys)), list(dict.fromkeys(k[2] for k in keys))

    def cell(size, grid):
        key = name, size, grid, None
        return show(times[key][0]) if key in times else ""

    rows = [[size or "any size", *(cell(size, grid) for grid in grids)] for size in sizes]
    return table([name.replace("_", " "), *(f"grid {grid}" if grid else "" for grid in grids)], rows)


def main():
    ratios = run("benchmarks/ratios.py")
    times = timings()
    memory = {case: json.loads(run("-m", "benchmarks.memory", case[0], str(case[1]))) for case in MEMORY}
    imports = {name: import_seconds(name) for name in ("napari_m2n2v2", "napari_m2n2v2._napari.view.dock")}
    stages = list(dict.fromkeys(key[0] for key in times if key[3] is None))
    clicks = [
        [size, grid, *(show(times["click", size, grid, n][0]) for n in (1, 2, 10)),
         show(times["moved_click_among_ten", size, grid, None][0])]
        for size, grid in dict.fromkeys(key[1:3] for key in times if key[0] == "click")
    ]  # fmt: skip
    attention = next(iter(times.values()))[1]["attention"]
    parts = [
        BEGIN,
        f"Measured on {machine()}. Attention: {attention}. Medians.",
        "",
        table(["work", "target", "measured", "met"], targets(times, memory, imports, ratios)),
        "",
        "### Clicks",
        "",
        table(["size", "grid", "first", "second", "tenth", "one of ten moved"], clicks),
        "",
        "### Stages",
        "",
        *(part for name in stages if name != "moved_click_among_ten" for part in (grid_table(times, name), "")),
        "### Against slow references",
        "",
        "Each stage and an obvious version of it (`tests/slow_references.py`) in one run, 160 x 240 pixels, grid 32:",
        "",
        "```",
        ratios.rstrip(),
        "```",
        "",
        "### Memory",
        "",
        table(
            ["size", "grid", "libraries", "peak with features", "peak with three clicks", "kept per image", "operator"],
            [[size, grid, *(f"{value:.0f} MB" for value in memory[size, grid].values())] for size, grid in MEMORY],
        ),
        "",
        "### Import",
        "",
        *(f"- `import {name}`: {show(seconds)}" for name, seconds in imports.items()),
        END,
    ]  # fmt: skip
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + "\n".join(parts) + after, encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
