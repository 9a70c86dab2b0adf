"""Measure everything and write the figures into docs/performance.md: ``python benchmarks/run.py``.

It takes about half an hour, an idle machine and a display (``xvfb-run -a python benchmarks/run.py`` where there is
none). Each part is measured in processes of its own and written between its marks as soon as it is known; the table of
targets is made of the parts as they stand in the page. ``ratios.py`` is what CI runs.

    python benchmarks/run.py --only clicks memory     these parts; the others stay as they are
    python benchmarks/run.py --only                   the table alone
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that this is a script

import numpy as np
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu
from skimage.io import imsave

from benchmarks.conftest import photo_of
from benchmarks.docked import own_folder
from benchmarks.machine import processor, versions
from benchmarks.page import show, table, with_part
from benchmarks.targets import NOT_MEASURED, ON_A_GPU, targets

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
CLICKS = [
    "size", "grid", "attention", "method", "first", "second", "tenth", "one of ten moved", "moved, against the tenth",
]  # fmt: skip
_OF_NAPARI = ("INFO: ", "WARNING: ")  # what its notifications print
MEMORY = (("480x854", 64), ("1024x1024", 64), ("480x854", 128))


def run(*command, check=True):
    """Run Python on something and return what it printed."""
    print("+ python", *command, flush=True)
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": paths}
    command = [sys.executable, *map(str, command)]
    told = subprocess.run(command, cwd=ROOT, env=environment, check=check, stdout=subprocess.PIPE, text=True).stdout
    return "\n".join(line for line in told.splitlines() if not line.startswith(_OF_NAPARI))


def timings(file):
    """Return the median seconds of the benchmarks in a file: by name, then by what they were given."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "times.json"
        options = ["--benchmark-only", f"--benchmark-json={path}", "-c", os.devnull, "--rootdir", ".", "-q"]
        run("-m", "pytest", f"benchmarks/{file}", *options)
        for bench in json.loads(path.read_text())["benchmarks"]:
            info = bench["extra_info"]
            name = bench["name"].split("[")[0].removeprefix("test_").replace("_", " ")
            given = tuple(info.get(key) for key in ("size", "grid", "attention", "method", "number"))
            found.setdefault(name, {})[given] = bench["stats"]["median"] / info.get("divide_by", 1)
    return found


def by_grid(name, times):
    """Write one benchmark's times, sizes down and grids across."""
    cells = {given[:2]: show(seconds) for given, seconds in times.items()}
    sizes, grids = (list(dict.fromkeys(given[axis] for given in cells)) for axis in (0, 1))
    rows = [[size or "any size", *(cells.get((size, grid), "") for grid in grids)] for size in sizes]
    return table([name, *(f"grid {grid}" if grid else "time" for grid in grids)], rows)


def clicks():
    times = timings("bench_click.py")
    new, moved = times.pop("click"), times.pop("moved click among ten")
    rows = []
    for case in dict.fromkeys(given[:4] for given in new):
        again, tenth = moved[*case, None], new[*case, 10]
        firsts = (show(new[*case, number]) for number in (1, 2, 10))
        rows.append([*case, *firsts, show(again), f"{again / tenth:.2f} times"])
    features = by_grid("features", times.pop("features"))
    rest = [[name, show(seconds)] for name, by_case in times.items() for seconds in by_case.values()]
    return "\n\n".join([features, table(CLICKS, rows), table(["at ten clicks, 480x854, grid 64", "time"], rest)])


def stages():
    times = timings("bench_stages.py")
    first = ("operator build",)  # whose grid 64 is a line of the targets
    names = [*first, *(name for name in times if name not in first)]
    return "\n\n".join(by_grid(name, times[name]) for name in names)


def memory():
    found = [json.loads(run("-m", "benchmarks.memory", size, grid)) for size, grid in MEMORY]
    head = ["size", "grid", "libraries", "peak with features", "peak with three clicks", "kept per image", "operator"]
    rows = [[*case, *(f"{value:.0f} MB" for value in told.values())] for case, told in zip(MEMORY, found, strict=True)]
    return table(head, rows)


def imports():
    """Fresh processes, the interpreter's start left out."""
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    rows = []
    for module in ("napari_m2n2v2", "napari_m2n2v2._napari.view.dock"):
        took = median(float(run("-c", code.format(module))) for _ in range(5))
        rows.append([f"`{module}`", show(took)])
    return table(["import of", "time"], rows)


def stored():
    """Of a photo and what is bright in it, as a data set of one object."""
    photo = photo_of("480x854")
    grey = rgb2gray(photo)
    with tempfile.TemporaryDirectory() as folder:
        for name, pixels in (("images/a", photo), ("masks/a__1", (grey > threshold_otsu(grey)) * np.uint8(255))):
            path = Path(folder) / f"{name}.png"
            path.parent.mkdir()
            imsave(path, pixels, check_contrast=False)
        return run("-m", "benchmarks.stored_features", folder)


def elsewhere():
    """The dock with a cluster of two processes, and with schedulers and workers that go."""
    file = "tests/napari/controller/test_elsewhere.py"
    told = run("-m", "pytest", "-q", "-m", "slow or not slow", "-p", "no:cacheprovider", file, check=False)
    last = told.splitlines()[-1]
    good = "passed" in last and "failed" not in last and "error" not in last and "skipped" not in last
    return table(["tests", "outcome"], [[f"`{file}`", "the same masks" if good else last]])


def gpu():
    """On a machine without one, the same command compares the CPU with itself."""
    import torch

    if torch.cuda.is_available():
        return run("benchmarks/gpu.py")
    rows = [[name, f"{NOT_MEASURED}, no GPU here"] for names in ON_A_GPU for name in names]
    return "\n\n".join(
        [table(["", "grid 128"], rows), run("benchmarks/gpu.py", "--device", "cpu", "--grid", 37, "--rounds", 3)]
    )


PARTS = {
    "clicks": clicks,
    "stages": stages,
    "first-look": lambda: run("-m", "benchmarks.first_look"),
    "start": lambda: run("-m", "benchmarks.cold_start"),
    "import": imports,
    "new-part": lambda: run("-m", "benchmarks.new_part"),
    "event-loop": lambda: run("-m", "benchmarks.event_loop"),
    "default": lambda: run("-m", "benchmarks.default_click"),
    "travels": lambda: run("-m", "benchmarks.travels"),
    "stored": stored,
    "prepared": lambda: run("-m", "benchmarks.prepared_stack", "--looking", 0, 1, "--rounds", 1),
    "elsewhere": elsewhere,
    "memory": memory,
    "many-images": lambda: run("-m", "benchmarks.many_images"),
    "references": lambda: run("benchmarks/ratios.py"),
    "gpu": gpu,
}
IN_A_WINDOW = {"first-look", "start", "new-part", "event-loop", "prepared", "elsewhere", "many-images"}


def where():
    """Say on which machine, with what, and at which commit."""
    asked = subprocess.run(["git", "describe", "--always", "--exclude=*"], cwd=ROOT, capture_output=True, text=True)
    commit = f", commit {asked.stdout.strip()}" if asked.stdout else ""
    return f"{processor()}, {versions('torch', 'numpy', 'numba', 'transformers')}{commit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS), metavar="PART")
    options = parser.parse_args()
    if IN_A_WINDOW & set(options.only) and sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        sys.exit("The dock is measured in a window, and there is no display: xvfb-run -a python benchmarks/run.py")
    if options.only and hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print(f"This machine is busy (load {os.getloadavg()[0]:.1f}): times will say little.", file=sys.stderr)
    failed = []
    with own_folder():
        for name in options.only:
            try:
                write(name, f"<!-- on {where()} -->\n\n{PARTS[name]()}")
            except subprocess.CalledProcessError as error:  # the others stand for themselves
                failed.append(f"{name}: {error}")
    write("targets", targets(PAGE.read_text(encoding="utf-8")))
    print(PAGE, *failed, sep="\n")
    return bool(failed)


def write(name, text):
    """Put what was measured into the page."""
    PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
