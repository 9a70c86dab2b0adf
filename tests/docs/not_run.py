"""The commands of the pages that no test runs: why, and what of them is checked instead."""

import argparse
import inspect
import re
import runpy
import shlex
import sys
import tomllib
from importlib.metadata import distribution

import pytest

from napari_m2n2v2.cli.main import command_parser
from tests.docs.pages import ROOT, read

PROJECT = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
DEV = read(ROOT / "dev.py")


class _UnderstoodError(Exception):
    """A script's own parser has taken what it was given."""


def is_ours(command, monkeypatch):
    """The real parser takes it."""
    command_parser().parse_args(shlex.split(command)[1:])


def script(command, monkeypatch, name):
    """Run a script under a name, with the command's arguments; return what it defines, and these."""
    words = [word for word in shlex.split(command) if not re.match(r"\w+=", word)][1:]
    is_module = words[0] == "-m"
    path, given = words[is_module], words[is_module + 1 :]
    monkeypatch.setattr(sys, "argv", [path, *given])
    if is_module:
        monkeypatch.delitem(sys.modules, path, raising=False)  # another one imported it
        return runpy.run_module(path, run_name=name), given
    monkeypatch.syspath_prepend((ROOT / path).parent)
    return runpy.run_path(str(ROOT / path), run_name=name), given


def takes_options(command, monkeypatch):
    """The script's own parser takes them."""

    def understood(parser, *arguments):
        parse(parser, *arguments)
        raise _UnderstoodError

    parse = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", understood)
    with pytest.raises(_UnderstoodError):
        script(command, monkeypatch, "__main__")


def takes_arguments(command, monkeypatch):
    """The script can be imported, and its ``main`` takes so many."""
    made, given = script(command, monkeypatch, "imported")
    inspect.signature(made["main"]).bind(*given)


def can_be_imported(command, monkeypatch):
    """The script can."""
    assert script(command, monkeypatch, "imported")[1] == []


def is_a_step_of_dev(command, monkeypatch):
    """``dev.py test`` runs the same."""
    words = shlex.split(command)
    name = words[0].removeprefix(".venv/bin/")
    step = re.search(rf'BIN / "{name}"(.*)\)', DEV)
    assert step and all(f'"{word}"' in DEV for word in words[1:])


def is_of_dev(command, monkeypatch):
    """``dev.py`` knows it."""
    assert runpy.run_path(str(ROOT / "dev.py"), run_name="imported")[shlex.split(command)[-1]]


def names_extras(command, monkeypatch):
    """The extras it installs exist."""
    for extras in re.findall(r"\[(.*?)\]", command):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def names_packages_of_dev(command, monkeypatch):
    """The packages are those that ``dev.py`` names."""
    assert shlex.split(command)[4:] == runpy.run_path(str(ROOT / "dev.py"))["LINUX_PACKAGES"].split()


def names_what_is_there(command, monkeypatch):
    """The files and folders that it names exist."""
    named = [word for word in shlex.split(command) if "/" in word and not word.startswith(".venv")]
    assert named and all((ROOT / name).exists() for name in named)


def names_distributions(command, monkeypatch):
    """What it lists is installed under these names."""
    assert all(distribution(name) for name in shlex.split(command)[4:])


def finds_marks(command, monkeypatch):
    """There still are places that wait."""
    assert shlex.split(command)[2] in read(ROOT / "CITATION.cff")


def nothing(command, monkeypatch):
    """Nothing of it is ours."""


_INDEX = "needs a package index"
_LONG = "takes minutes or hours"
_OF_OTHERS = "a program of others"
_PLACEHOLDER = "a placeholder stands in it"
_UNTIL_STOPPED = "runs until it is stopped; tests/features/test_cluster.py starts one"

NOT_RUN = {
    # Installing
    "python3 dev.py demo": ("installs everything; it is run by hand", is_of_dev),
    "python3 dev.py test": ("runs these tests", is_of_dev),
    "sudo apt-get install -y libegl1 libgl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0": ("changes the system", names_packages_of_dev),
    "python3 -m venv m2n2v2": ("packaging/check.py makes environments", nothing),
    "source m2n2v2/bin/activate": ("changes the shell", nothing),
    "pip install torch --index-url https://download.pytorch.org/whl/cpu": (_INDEX, nothing),
    'pip install ".[gui,offline]"': (_INDEX, names_extras),
    'pip install "napari-m2n2v2[evaluation]"': (_INDEX, names_extras),
    'pip install "napari-m2n2v2[gui]"': (_INDEX, names_extras),
    'pip install "napari-m2n2v2[offline]"': (_INDEX, names_extras),
    'pip install "napari-m2n2v2[stacks]"': (_INDEX, names_extras),
    "python -c \"import torch; print(f'torch=={torch.__version__}')\" > torch.txt": ("begins the next one", nothing),
    'pip wheel ".[gui,offline]" -c torch.txt --extra-index-url https://download.pytorch.org/whl/cpu -w wheels': (
        _INDEX,
        names_extras,
    ),
    'pip install --no-index --find-links wheels "napari-m2n2v2[gui,offline]"': ("needs those wheels", names_extras),
    "python -m pip show napari napari-m2n2v2": ("pip is not in every environment", names_distributions),
    "napari": ("opens a window and stays; packaging/check.py opens one with the dock", nothing),
    # Of ours, but without end or made-up
    "napari-m2n2v2 COMMAND --help": (_PLACEHOLDER, nothing),
    "napari-m2n2v2 download NAME": (_PLACEHOLDER, nothing),
    "napari-m2n2v2 worker --scheduler tcp://10.0.0.1:8786": (_UNTIL_STOPPED, is_ours),
    "napari-m2n2v2 worker --listen localhost:8786": (_UNTIL_STOPPED, is_ours),
    "napari-m2n2v2 worker": (_UNTIL_STOPPED, is_ours),
    # For those who develop
    ".venv/bin/python -m pytest -q tests/session": ("runs other tests", names_what_is_there),
    "pytest -m slow tests/napari/layers/test_large_stack.py": (_LONG, names_what_is_there),
    "pytest -m slow tests/docs": (_LONG, names_what_is_there),
    "python -m pytest -m gpu": ("runs tests, on a GPU", nothing),
    ".venv/bin/ruff check .": ("dev.py test runs it", is_a_step_of_dev),
    ".venv/bin/ruff format .": ("dev.py test asks whether it would change anything", is_a_step_of_dev),
    ".venv/bin/mypy": ("dev.py test runs it", is_a_step_of_dev),
    ".venv/bin/lint-imports": ("dev.py test runs it", is_a_step_of_dev),
    ".venv/bin/python -m sphinx -W docs site": ("dev.py test runs it", is_a_step_of_dev),
    ".venv/bin/pre-commit install": ("changes a clone's hooks", nothing),
    "python3 packaging/check.py": ("makes environments, with " + _INDEX, takes_options),
    "python3 packaging/check.py --suite": ("takes an hour, with a package index", takes_options),
    "python3 packaging/check.py build --keep dist": ("needs a package index for twine", takes_options),
    'grep -rn "FILL-IN" --include="*" . --exclude-dir=.git --exclude-dir=.venv': (_OF_OTHERS, finds_marks),
    "rattler-build build -r packaging/conda/recipe.yaml -c conda-forge": (_OF_OTHERS, names_what_is_there),
    "ssh -N -L 8786:localhost:8786 gpu-machine": (_OF_OTHERS, nothing),
    'dask worker ... --resources "GPU=1"': (_OF_OTHERS, nothing),
    # Pictures and measurements
    "python docs/make_jobs.py": (_LONG, can_be_imported),
    "python docs/make_method.py": (_LONG, takes_arguments),
    "python docs/make_results.py RESULTS": ("needs the results of hours", takes_arguments),
    "python benchmarks/run.py": (_LONG, takes_options),
    "python benchmarks/run.py --only clicks memory": (_LONG, takes_options),
    "python benchmarks/ratios.py": (_LONG, takes_options),
    "python benchmarks/ratios.py --check": (_LONG, takes_options),
    "PYTHONPATH=src python benchmarks/gpu.py": (_LONG, takes_options),
    "PYTHONPATH=src python benchmarks/gpu.py --quick": ("tests/test_gpu.py runs it, slow", takes_options),
    "python benchmarks/full_size_sd2.py 64 128": (_LONG, takes_options),
    "python benchmarks/large_stack.py": (_LONG, takes_options),
    "python benchmarks/propagation.py --guides auto --step 2 --out propagation.json": (_LONG, takes_options),
    "python -m benchmarks.cold_start": (_LONG, takes_options),
    "python -m benchmarks.default_click": (_LONG, takes_arguments),
    "python -m benchmarks.doubt": (_LONG, takes_options),
    "python -m benchmarks.event_loop": (_LONG, takes_arguments),
    "python -m benchmarks.fewer_clicks report paper default --rule union --by-set": (_LONG, takes_options),
    "python -m benchmarks.fewer_clicks report paper default --rule random --seeds 3 --by-set": (_LONG, takes_options),
    "python -m benchmarks.fewer_clicks report default watershed grabcut random-walker --rule union --by-set": (
        _LONG, takes_options,
    ),
    "python -m benchmarks.first_look": (_LONG, takes_arguments),
    "python -m benchmarks.many_images": (_LONG, takes_options),
    "python -m benchmarks.many_objects 60 192": (_LONG, takes_arguments),
    "python -m benchmarks.many_objects 100 1024": (_LONG, takes_arguments),
    "python -m benchmarks.memory 480x854 64": (_LONG, takes_arguments),
    "python -m benchmarks.mask_doubt report": (_LONG, takes_options),
    "python -m benchmarks.new_part": (_LONG, takes_arguments),
    "python -m benchmarks.prepared_stack": (_LONG, takes_options),
    "python -m benchmarks.parts dsb2018_nuclei isbi2012_em wbc_blood ct histology": (_LONG, takes_options),
    "python -m benchmarks.prompts report --by-set": (_LONG, takes_options),
    "python -m benchmarks.sampled_window": (_LONG, takes_arguments),
    "python -m benchmarks.seams": ("tests/test_benchmarks.py runs a part of it", can_be_imported),
    "python -m benchmarks.similar": (_LONG, takes_options),
    "python -m benchmarks.similar --partial": (_LONG, takes_options),
    "python -m benchmarks.steadiness report default paper paper:centred_start=true --clicks-of default --objects 2": (
        _LONG, takes_options,
    ),
    "python -m benchmarks.steadiness_causes choose default --objects 2": (_LONG, takes_options),
    "python -m benchmarks.travels": (_LONG, takes_arguments),
    "python -m benchmarks.stored_features DATASET...": ("tests/test_benchmarks.py runs it, slow", takes_arguments),
}  # fmt: skip
