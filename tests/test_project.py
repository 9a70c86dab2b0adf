"""What holds for the project as a whole."""

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import napari_m2n2v2

ROOT = Path(__file__).parents[1]


def test_public_names_exist_once_and_say_what_they_are():
    assert len(set(napari_m2n2v2.__all__)) == len(napari_m2n2v2.__all__)  # ruff keeps them sorted
    for name in napari_m2n2v2.__all__:
        assert getattr(napari_m2n2v2, name).__doc__ or name == "BACKBONES"
    assert napari_m2n2v2.__version__
    with pytest.raises(AttributeError):
        napari_m2n2v2.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["torch", "napari", "qtpy", "transformers", "numba", "numpy"]
    code = f"import sys, napari_m2n2v2; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def named_functions():
    text = (ROOT / "docs" / "paper.md").read_text()
    return sorted(set(re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_0-9.]+)\(?\)?`", text)))


def test_the_map_of_the_paper_names_every_equation():
    text = (ROOT / "docs" / "paper.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for equation in range(1, 13):
        assert any(re.search(rf"Eqs?\. [^|]*\b{equation}\b", row) for row in rows), f"Eq. {equation} is not mapped"


@pytest.mark.parametrize("name", named_functions())
def test_every_function_that_the_map_names_exists(name):
    parts = name.split(".")
    for split in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(["napari_m2n2v2", *parts[:split]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[split:]:
            found = (
                getattr(found, attribute)
                if not hasattr(found, "__dataclass_fields__") or hasattr(found, attribute)
                else found.__dataclass_fields__[attribute]
            )
        return
    raise AssertionError(f"no module of {name} exists")


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPE = yaml.safe_load((ROOT / "packaging" / "conda" / "recipe.yaml").read_text())
NAMES_OF_CONDA = {"huggingface_hub": "huggingface-hub", "napari-base": "napari", "pytorch": "torch"}


def test_the_version_is_the_same_everywhere():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == PROJECT["version"]
    assert RECIPE["context"]["version"] == PROJECT["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == PROJECT["version"]


def test_the_recipe_has_the_dependencies_of_the_project():
    rows = [row.replace(" ", "") for row in RECIPE["requirements"]["run"] if not row.startswith("python ")]
    named = [re.fullmatch(r"([\w-]+)(.*)", row).groups() for row in rows]
    assert sorted(NAMES_OF_CONDA.get(name, name) + bound for name, bound in named) == sorted(PROJECT["dependencies"])
    assert RECIPE["context"]["python_min"] == PROJECT["requires-python"].removeprefix(">=")
