"""The pages for users: what they tell people to type is tried, and their links lead somewhere.

``dev.py test`` builds them as a site, strictly.
"""

import doctest
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from skimage.data import coins
from skimage.io import imsave
from skimage.measure import label

import napari_m2n2v2 as m
from napari_m2n2v2.cli.main import command_parser, main

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NOT_RUN = "<!-- not run: "
START = ("photo", "nuclei", "stack", "huge", "offline")


def fences(page, kind):
    """The fenced blocks of a kind, with what stands in the line before each."""
    return re.findall(rf"^([^\n]*)\n```{kind}\n(.*?)^```$", page.read_text(), flags=re.M | re.S)


def commands(page):
    """Every command of ours in a page, alone or in a block, without its comment."""
    text = page.read_text().replace("\\\n", " ")
    lines = re.findall(r"^ *(napari-m2n2v2 [a-z].*?)(?: +#.*)?$", text, flags=re.M)
    return [shlex.split(line)[1:] for line in lines if "..." not in line and "COMMAND" not in line]


@pytest.fixture(scope="module")
def picture():
    return coins()[:240, :320].copy()


@pytest.fixture(scope="module")
def examples(picture):
    bright = label(picture > 160)
    sizes = np.bincount(bright.ravel())
    sizes[0] = 0
    chosen = np.argsort(sizes)[-3:]
    return sum(((bright == one) * (n + 1) for n, one in enumerate(chosen)), np.zeros_like(bright)).astype(np.int32)


def test_the_parser_writes_the_reference_of_the_command_line():
    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    told = [(ROOT / "docs" / "cli.md").read_text()]
    conf["fill_in"](None, "cli", told)
    assert "\n## explain\n" in told[0] and "--allow-outside" in told[0]


def test_every_public_name_is_in_the_reference():
    told = re.findall(r":: napari_m2n2v2\.(\w+)", (ROOT / "docs" / "api.md").read_text())
    assert sorted(told) == sorted(m.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_pages_are_understood(page):
    for command in commands(page):
        command_parser().parse_args(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        if not target.startswith("http"):
            file = page.parent / target if target else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def anchors(page):
    """Where links into a page may lead: to its headings, as GitHub and the site name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_in_pages_runs(page, picture, examples, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    blocks = [code for before, code in fences(page, "python") if not before.startswith(NOT_RUN)]
    if not blocks:
        return
    known = prepared(picture, examples)
    for code in blocks:
        exec(compile(code, str(page), "exec"), known)


def prepared(picture, examples):
    """What the pages take for given."""
    import napari_m2n2v2

    features = m.compute_features(picture, "appearance", parameters=m.FeatureParameters(grid=20))
    session = m.Session(features)
    session.click(m.Click(60, 80))
    return {
        "m": napari_m2n2v2,
        "image": picture,
        "labels": examples,
        "features": features,
        "session": session,
        "photo": np.repeat(picture[..., None], 3, axis=2),
    }


def test_the_commands_of_the_start_pages_run(picture, examples, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    imsave("plate.png", picture, check_contrast=False)
    imsave("three.png", examples.astype(np.uint8), check_contrast=False)
    ran = []
    for page in START:
        for command in commands(ROOT / "docs" / "start" / f"{page}.md"):
            if command[0] in ("find", "backbones"):
                assert main(command) == 0
                ran.append(command[0])
    assert set(ran) == {"find", "backbones"} and (tmp_path / "all.csv").exists()


def told_with_examples():
    """Public objects, and their methods, whose docstrings show how they are used."""
    for name in m.__all__:
        thing = getattr(m, name)
        for one in (thing, *(vars(thing).values() if isinstance(thing, type) else ())):
            if callable(one) and ">>>" in (one.__doc__ or ""):
                yield pytest.param(one, marks=pytest.mark.slow) if one is m.Mosaic else one


@pytest.mark.parametrize("thing", list(told_with_examples()), ids=lambda thing: thing.__qualname__)
def test_examples_in_docstrings_run(thing, picture, examples):
    volume = np.repeat(picture[None, :64, :64], 80, axis=0)
    stack = m.Stack.of(volume)
    small = m.FeatureParameters(grid=8)

    def features_of(index):
        return m.compute_features(stack.read(index), "appearance", parameters=small)

    known = prepared(picture, examples)
    if thing is m.propagate:
        known["session"] = m.Session(features_of((75,)))
        known["session"].click(m.Click(30, 30))
    known |= {name: getattr(m, name) for name in m.__all__} | {
        "stack": stack,
        "slide": np.broadcast_to((np.arange(60_000) // 40 % 200).astype(np.uint8), (40_000, 60_000)),  # takes no room
        "features_of": features_of,
        "volume": np.zeros(volume.shape, np.int32),
        "cellpose_labels": np.where(examples == 1, 7, 0),
    }
    for test in doctest.DocTestFinder(recurse=False).find(thing, "example", module=False, globs=known):
        assert test.examples and doctest.DocTestRunner().run(test).failed == 0
