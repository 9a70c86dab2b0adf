"""The Python of the pages, and that of docstrings, runs."""

import doctest

import numpy as np
import pytest

import napari_m2n2v2 as m
from napari_m2n2v2.backbones.hub import download, plan
from napari_m2n2v2.backbones.registry import DEPTH_BACKBONES
from tests.docs.pages import PAGES, name_of, snippets

ADDRESS = "tcp://10.0.0.1:8786"
DOWNLOADED = ("dinov2-base", "stable-diffusion-2", "depth-anything-v2-small")
WITH_PYTHON = {name_of(page): snippets(page) for page in PAGES if snippets(page)}


@pytest.fixture
def downloaded(hub):
    """Tiny models under the names of those that take gigabytes."""
    for name in DOWNLOADED:
        download(plan((m.BACKBONES | DEPTH_BACKBONES)[name].weights), lambda share, file: None)


@pytest.mark.parametrize("page", WITH_PYTHON)
@pytest.mark.usefixtures("cheap", "downloaded")
def test_python_in_pages_runs(page, picture, examples, cluster, monkeypatch, tmp_path):
    """From top to bottom; what is typed into napari's console runs in tests/napari/controller/test_console.py."""
    monkeypatch.chdir(tmp_path)
    known = prepared(picture, examples, of_stack=page == "docs/stacks.md")
    for code in WITH_PYTHON[page]:
        if "viewer" not in code:
            exec(compile(code.replace(ADDRESS, cluster.scheduler_address), page, "exec"), known)


def prepared(picture, examples, of_stack=False):
    """What pages and docstrings take for given; their session is of the picture, or of a plane of the stack."""
    volume = np.repeat(picture[None, :64, :64], 80, axis=0)
    stack, small = m.Stack.of(volume), m.FeatureParameters(grid=8)

    def features_of(index):
        return m.compute_features(stack.read(index), "appearance", parameters=small)

    features = features_of((75,)) if of_stack else m.compute_features(picture, "appearance")
    session = m.Session(features)
    session.click(m.Click(30, 30) if of_stack else m.Click(60, 80))
    return {
        "m": m,
        "image": picture,
        "photo": np.repeat(picture[..., None], 3, axis=2),
        "labels": examples,
        **dict.fromkeys(("depth", "height_map", "other_channel"), picture.astype(float)),
        "attention": np.full((48, 48), 1 / 48),
        "h": 6,
        "w": 8,
        "features": features,
        "session": session,
        "stack": stack,
        "features_of": features_of,
        "volume": np.zeros(volume.shape, np.int32),
    }


def told_with_examples():
    """Public objects, and their methods, whose docstrings show how they are used."""
    for name in m.__all__:
        thing = getattr(m, name)
        for one in (thing, *(vars(thing).values() if isinstance(thing, type) else ())):
            if callable(one) and ">>>" in (one.__doc__ or ""):
                yield pytest.param(one, marks=pytest.mark.slow) if one is m.Mosaic else one


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("thing", list(told_with_examples()), ids=lambda thing: thing.__qualname__)
def test_examples_in_docstrings_run(thing, picture, examples):
    known = prepared(picture, examples, of_stack=thing is m.propagate)
    known |= {name: getattr(m, name) for name in m.__all__} | {
        "slide": np.broadcast_to((np.arange(60_000) // 40 % 200).astype(np.uint8), (40_000, 60_000)),  # takes no room
        "cellpose_labels": np.where(examples == 1, 7, 0),
    }
    for test in doctest.DocTestFinder(recurse=False).find(thing, "example", module=False, globs=known):
        assert test.examples and doctest.DocTestRunner().run(test).failed == 0
