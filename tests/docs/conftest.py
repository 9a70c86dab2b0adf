"""What the pages take for given: images, a model hub, a cluster, backbones that answer at once."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from napari_m2n2v2 import BACKBONES, release_models
from napari_m2n2v2.backbones.registry import DEPTH_BACKBONES
from tests.backbones.small_hub import SmallHub
from tests.backbones.tiny_models import save_depth_anything, save_dinov2, save_stable_diffusion
from tests.docs.files import PLATE, three_coins

GRID = 24  # where a page names none; coarser ones take longer to upsample


@pytest.fixture(scope="session")
def picture():
    return PLATE


@pytest.fixture(scope="session")
def examples():
    return three_coins()


@pytest.fixture
def cheap(monkeypatch):
    """Every backbone at a coarse grid unless another is asked for."""

    def coarse(make):
        def made(*arguments, **named):
            backbone = make(*arguments, **named)
            if hasattr(backbone, "default_grid"):
                backbone.default_grid = GRID
            return backbone

        return made

    for known in (BACKBONES, DEPTH_BACKBONES):
        for name, info in known.items():
            monkeypatch.setitem(known, name, replace(info, make=coarse(info.make)))


@pytest.fixture(scope="session")
def on_the_hub(tmp_path_factory):
    """Tiny models under the names of those that pages download."""
    folder, ask = tmp_path_factory.mktemp("on-the-hub"), BACKBONES | DEPTH_BACKBONES
    makers = {
        "dinov2-base": save_dinov2,
        "stable-diffusion-2": save_stable_diffusion,
        "depth-anything-v2-small": save_depth_anything,
    }
    made = {ask[name].weights.repositories[0]: make(folder / name) for name, make in makers.items()}
    tokens = folder / "stable-diffusion-2" / "tokenizer" / "special_tokens_map.json"
    tokens.write_text(json.dumps({"pad_token": "!"}))
    return made


@pytest.fixture
def hub(on_the_hub, tmp_path, monkeypatch):
    """The model hub, empty caches, and somebody who says yes."""
    hub = SmallHub(on_the_hub)
    hub.stand_in(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr("builtins.input", lambda question: "y")
    release_models()
    yield hub
    hub.close()
    release_models()


@pytest.fixture(scope="session")
def cluster():
    """A dask cluster in this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, processes=False, host="127.0.0.1", protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


@pytest.fixture
def workers(cluster, monkeypatch):
    """Whoever asks for workers gets these."""
    monkeypatch.setattr("distributed.LocalCluster", lambda **named: nullcontext(cluster))
