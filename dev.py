"""Set up and run this project from a fresh clone, with nothing but Python.

    python3 dev.py demo    install everything into .venv, run the demo (in napari where there is a display)
    python3 dev.py test    install everything into .venv, then lint, types, pages, tests, speed beside an earlier commit

A .venv that is there already is used, and so is a torch that is installed in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
LINUX_PACKAGES = (
    "libegl1 libgl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 "
    "libxcb-shape0 libxkbcommon-x11-0"
)


def run(*command: str | Path, check: bool = True, **variables: str) -> int:
    """Run a command in the project's folder, showing it."""
    print("+", *(str(part) for part in command), flush=True)
    code = subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **variables}).returncode
    if check and code:
        sys.exit(code)
    return code


def install() -> None:
    """Make .venv and put the project with all its extras into it."""
    python = BIN / "python"
    if not ENVIRONMENT.is_dir():
        print(f"Making {ENVIRONMENT}")
        venv.create(ENVIRONMENT, with_pip=True)
    if subprocess.run([str(python), "-c", "import uv"], capture_output=True).returncode:
        run(python, "-m", "pip", "install", "--quiet", "uv")
    settings = {"UV_COMPILE_BYTECODE": "1", "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    uv = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    has_torch = not subprocess.run([str(python), "-c", "import torch"], capture_output=True).returncode
    no_gpu = sys.platform in ("linux", "win32") and not shutil.which("nvidia-smi")
    if not has_torch and no_gpu:
        # torch from the package index brings gigabytes of CUDA; its own index has builds for the CPU.
        run(*uv, "torch", "--torch-backend=cpu", check=False, **settings)
    run(*uv, "--editable", ".[dev]", **settings)


def missing_for_qt() -> str:
    """Say what Qt lacks on this Linux; empty when nothing."""
    plugins = list(ENVIRONMENT.glob("lib/python*/site-packages/PyQt6/Qt6/plugins/platforms/libqxcb.so"))
    if not sys.platform.startswith("linux") or not plugins or not shutil.which("ldd"):
        return ""
    told = subprocess.run(["ldd", str(plugins[0])], capture_output=True, text=True).stdout
    return ", ".join(line.split()[0] for line in told.splitlines() if "not found" in line)


def need_qt(packages: str) -> None:
    """Stop with the command that installs what is missing."""
    missing = missing_for_qt()
    if missing:
        sys.exit(
            f"Qt cannot start here, it lacks {missing}. On Debian or Ubuntu:\n  sudo apt-get install -y {packages}"
        )


def has_display() -> bool:
    """Tell whether windows can be shown."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def demo() -> None:
    """Install and run the demo."""
    install()
    if has_display():
        need_qt(LINUX_PACKAGES)
    run(BIN / "napari-m2n2v2", "demo")


def test() -> None:
    """Install, then lint, types, pages, tests, and whether any stage is slower than some commits ago."""
    install()
    display: list[str] = []
    if not has_display():
        packages = f"xvfb xauth {LINUX_PACKAGES}"
        if not shutil.which("xvfb-run"):
            sys.exit(
                f"The tests need a display, real or virtual. On Debian or Ubuntu:\n  sudo apt-get install -y {packages}"
            )
        need_qt(packages)
        display = ["xvfb-run", "-a", "-s", "-screen 0 1400x1000x24"]
    run(BIN / "ruff", "check", ".")
    run(BIN / "ruff", "format", "--check", ".")
    run(BIN / "mypy")
    run(BIN / "lint-imports")
    run(BIN / "npe2", "validate", "napari-m2n2v2")
    run(BIN / "python", "-m", "sphinx", "-W", "-q", "docs", "site")
    qt = {"QT_API": "pyqt6", "HF_HUB_OFFLINE": "1"}
    pytest = [*display, BIN / "python", "-m", "pytest", "-q", "--durations=40"]
    # Two at a time, each on one core, numba too, which tells torch how many; then those that measure time.
    one = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    run(*pytest, "-m", "not slow and not alone", "-n", "2", "--dist", "loadfile", **qt, **one)
    run(*pytest, "-m", "alone and not slow", **qt)
    run(BIN / "python", "benchmarks/ratios.py", "--check")


if __name__ == "__main__":
    commands = {"demo": demo, "test": test}
    if sys.version_info < (3, 11):  # noqa: UP036 (this file runs before anything has checked)
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]]()
