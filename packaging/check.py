"""Build wheel and sdist, look at them, install the wheel into clean environments, and try it there.

    python3 packaging/check.py                      everything: build base gui lowest newest
    python3 packaging/check.py build gui            some of it
    python3 packaging/check.py newest --suite       all tests that CI runs, not some; half an hour
    python3 packaging/check.py --torch 2.13.0       with another torch than each environment would choose

It needs uv, which ``python3 dev.py test`` puts into .venv; and a display, or xvfb, except for ``build`` and
``base``.
Everything is made in a temporary folder and deleted, but for what ``--keep FOLDER`` copies.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = {"wheel": 1_000_000, "sdist": 1_500_000}
MOST_BYTES_OF_A_FILE = 150_000
PAGE_IN_WHEEL = "napari_m2n2v2/troubleshooting.md"  # from docs, for "napari-m2n2v2 explain"
IN_WHEEL = {"napari_m2n2v2/napari.yaml", "napari_m2n2v2/py.typed", "napari_m2n2v2/__init__.pyi", PAGE_IN_WHEEL}
EVERYTHING = ("evaluation", "gui", "offline", "stacks", "test")
SMOKE = [
    "tests/test_errors.py",
    "tests/test_project.py",
    "tests/test_older_files.py",
    "tests/test_promises.py",
    "tests/features/test_disk.py",
    "tests/files/test_open_stack.py",
    "tests/session/test_session.py",
    "tests/session/test_session_file.py",
    "tests/cli/test_segment.py",
    "tests/napari/controller/test_clicks.py",
]
ALL = ["-m", "not slow and not alone"]
WITHOUT_QT = """
import napari_m2n2v2
napari_m2n2v2.compute_features, napari_m2n2v2.attach
try:
    import qtpy.QtCore
except ImportError:
    print("imported", napari_m2n2v2.__version__, "without Qt")
else:
    raise SystemExit("a Qt binding came with the base package")
"""
OPEN_DOCK = """
import napari
from qtpy.QtWidgets import QApplication
from skimage.data import coffee
viewer = napari.Viewer()
viewer.add_image(coffee())
_, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
QApplication.processEvents()
assert widget.isVisible(), "the dock is not to be seen"
viewer.close()
print("the dock opened in napari", napari.__version__)
"""


@dataclass(frozen=True)
class Environment:
    """A clean environment with the wheel in it, and what to run there."""

    extras: tuple[str, ...] = ()
    resolution: str = "highest"
    smoke: bool = False


ENVIRONMENTS = {
    "base": Environment(),
    "gui": Environment(("gui",)),
    "lowest": Environment(EVERYTHING, "lowest-direct", smoke=True),
    "newest": Environment(EVERYTHING, smoke=True),
}


def find_uv() -> str:
    """Return where uv is."""
    beside = ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    found = shutil.which("uv") or shutil.which("uv", path=str(beside))
    if found is None:
        sys.exit("uv is needed: python3 -m pip install uv")
    return found


def run(*command: str | Path, cwd: Path | None = None, **variables: str) -> None:
    """Run a command, showing it; stop with its exit code if it fails."""
    print("+", *(str(part) for part in command), flush=True)
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    code = subprocess.run([str(part) for part in command], cwd=cwd, env={**clean, **variables}).returncode
    if code:
        sys.exit(code)


def build(folder: Path) -> None:
    """Build the sdist from the tree and the wheel from the sdist, and look at both."""
    run(find_uv(), "build", "--quiet", "--out-dir", folder, ROOT)
    check_contents(folder)
    run(find_uv(), "run", "--quiet", "--no-project", "--with", "twine", "twine", "check", "--strict", *packages(folder))


def packages(folder: Path) -> tuple[Path, Path]:
    """Return the wheel and the sdist."""
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def check_contents(folder: Path) -> None:
    """Stop if anything is missing, stray or heavy."""
    wheel, sdist = packages(folder)
    with zipfile.ZipFile(wheel) as opened:
        in_wheel = {one.filename: one.file_size for one in opened.infolist()}
    with tarfile.open(sdist) as opened:
        members = opened.getmembers()
    in_sdist = {str(PurePosixPath(*PurePosixPath(one.name).parts[1:])): one.size for one in members}
    wrong = [f"{one.name} in the sdist is a link" for one in members if not one.isfile()]
    wrong += [f"the wheel lacks {name}" for name in sorted(IN_WHEEL - in_wheel.keys())]
    ours = ("napari_m2n2v2/", f"{wheel.name.rsplit('-', 3)[0]}.dist-info/")
    wrong += [f"{name} is stray in the wheel" for name in in_wheel if not name.startswith(ours)]
    sources = {name.removeprefix("src/") for name in in_sdist if name.startswith("src/")} | {PAGE_IN_WHEEL}
    packed = {name for name in in_wheel if name.startswith(ours[0])}
    wrong += [f"{name} is not in both" for name in sorted(sources ^ packed)]
    for kind, path, files in (("wheel", wheel, in_wheel), ("sdist", sdist, in_sdist)):
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB, {len(files)} files")
        if path.stat().st_size > MOST_BYTES[kind]:
            wrong.append(f"the {kind} is larger than {MOST_BYTES[kind] / 1e3:.0f} kB")
        wrong += [
            f"{name} in the {kind} has {size} bytes" for name, size in files.items() if size > MOST_BYTES_OF_A_FILE
        ]
    if wrong:
        sys.exit("\n".join(wrong))


def install(name: str, folder: Path, torch: str | None) -> Path:
    """Make an environment with the wheel in it and return its folder of programs."""
    asked, place = ENVIRONMENTS[name], folder / name
    run(find_uv(), "venv", "--quiet", "--python", sys.executable, place)
    command = [find_uv(), "pip", "install", "--quiet", "--python", place, packages(folder)[0]]
    command += [part for extra in asked.extras for part in ("--extra", extra)]
    # Named once more as the project's own, because only dependencies of what is named are direct.
    command += ["--requirements", ROOT / "pyproject.toml", "--resolution", asked.resolution]
    # Where there is no GPU, torch for the CPU takes a tenth of the room.
    command += ["--torch-backend", "auto"] if torch is None else [f"torch=={torch}"]
    run(*command)
    return place / ("Scripts" if os.name == "nt" else "bin")


def try_out(name: str, folder: Path, torch: str | None, suite: bool) -> None:
    """Install into one environment and run what it is for."""
    print(f"\n== {name}", flush=True)
    programs, empty = install(name, folder, torch), folder / f"{name}-files"
    empty.mkdir()
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(empty / "no-hub-cache")}
    if name == "base":
        run(programs / "python", "-c", WITHOUT_QT, cwd=empty, **offline)
    run(programs / "napari-m2n2v2", "demo", "--headless", cwd=empty, **offline)
    run(programs / "napari-m2n2v2", "explain", "ImageError", cwd=empty)
    run(programs / "npe2", "validate", "napari-m2n2v2", cwd=empty)
    if name != "base":
        run(*display(), programs / "python", "-c", OPEN_DOCK, cwd=empty, QT_API="pyqt6", **offline)
    if ENVIRONMENTS[name].smoke:
        test(name, programs, folder, empty, ALL if suite else SMOKE)


def test(name: str, programs: Path, folder: Path, empty: Path, chosen: list[str]) -> None:
    """Run tests of the sdist against the wheel that was built from it and is installed."""
    with tarfile.open(packages(folder)[1]) as opened:
        opened.extractall(empty, filter="data")
    tree = next(empty.glob("napari_m2n2v2-*"))
    shutil.rmtree(tree / "src")  # so that only the installed package can be imported
    # Old releases warn of what newer Pythons and numpys deprecate; with the newest, a warning is an error.
    warnings = ["-W", "default"] if name == "lowest" else []
    images = os.environ.get("SHARED_DIR", str(ROOT.parent / "shared"))  # those that are not in the repository
    command = [*display(), programs / "python", "-m", "pytest", "-q", *warnings, *chosen]
    run(*command, cwd=tree, QT_API="pyqt6", SHARED_DIR=images)


def display() -> list[str]:
    """Return what to put before a command that opens a window."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    if not shutil.which("xvfb-run"):
        sys.exit("A display is needed, real or virtual: sudo apt-get install -y xvfb xauth")
    return ["xvfb-run", "-a", "-s", "-screen 0 1400x1000x24"]


def main() -> None:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help="build, " + ", ".join(ENVIRONMENTS))
    parser.add_argument("--torch", metavar="VERSION", help="instead of what each environment would choose")
    parser.add_argument("--suite", action="store_true", help="run all tests of CI in lowest and newest, not a choice")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy wheel and sdist there")
    options = parser.parse_args()
    if unknown := set(options.steps) - {"build", *ENVIRONMENTS}:
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="m2n2v2-packaging-") as made:
        build(Path(made))  # every step needs the packages
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for path in packages(Path(made)):
                shutil.copy(path, options.keep)
        for name in ENVIRONMENTS:
            if not options.steps or name in options.steps:
                try_out(name, Path(made), options.torch, options.suite)


if __name__ == "__main__":
    main()
