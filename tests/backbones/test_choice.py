"""Which backbone is found by name, by folder and by auto, and what is said where there is none."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import (
    BACKBONES,
    MissingWeightsError,
    UnknownBackboneError,
    compute_features,
    find_backbone,
    release_models,
)
from tests.backbones.tiny_models import save_dinov2

CPU = torch.device("cpu")


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny DINOv2 in the hub's layout."""
    return save_dinov2(tmp_path_factory.mktemp("hub") / "tiny-dinov2")


class TestChoice:
    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch, tmp_path):
        release_models()
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        yield
        release_models()

    def pretend(self, monkeypatch, **where):
        from dataclasses import replace

        for name, info in BACKBONES.items():
            place = where.get(name.replace("-", "_"))
            monkeypatch.setitem(BACKBONES, name, replace(info, locate=lambda place=place: place))

    def test_auto_falls_back_to_appearance_and_says_why(self, monkeypatch):
        self.pretend(monkeypatch, appearance="built in")
        found = find_backbone("auto")
        assert found.backbone.name == "appearance"
        assert "dinov2-base, dinov2-large, dinov2-small, offline" in found.reason

    def test_auto_takes_the_offline_file_before_appearance(self, monkeypatch):
        self.pretend(monkeypatch, appearance="built in", offline="here")
        assert find_backbone("auto").backbone.name == "offline"

    def test_auto_takes_hub_weights_that_are_there(self, monkeypatch, folder, tmp_path):
        """A cache in the hub's own layout, made by hand."""
        repository = tmp_path / "models--facebook--dinov2-small"
        snapshot = repository / "snapshots" / "0123456789abcdef"
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0123456789abcdef")
        for name in ("config.json", "model.safetensors"):
            (snapshot / name).write_bytes((folder / name).read_bytes())
        found = find_backbone("auto")
        assert found.backbone.name == "dinov2-small" and "dinov2-base" in found.reason
        assert found.backbone.weights_revision == "commit 0123456789ab"

    @pytest.mark.parametrize("name", ["dinov2-base", "facebook/dinov2-giant"])
    def test_missing_weights_say_where_was_looked_and_what_to_do(self, name):
        with pytest.raises(
            MissingWeightsError, match=r"looked in .*napari-m2n2v2 download (stable-diffusion-2 or )?dinov2-"
        ):
            find_backbone(name)

    def test_unknown_names_are_told_the_known_ones(self):
        with pytest.raises(UnknownBackboneError, match="appearance"):
            find_backbone("resnet")

    @pytest.mark.parametrize("damage", ["no weights", "cut short", "another model", "other weights"])
    def test_a_folder_that_is_not_dinov2_is_refused(self, folder, tmp_path, damage):
        (tmp_path / "config.json").write_text(
            '{"model_type": "bert"}' if damage == "another model" else (folder / "config.json").read_text()
        )
        if damage != "no weights":
            whole = (folder / "model.safetensors").read_bytes()
            (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
        if damage == "other weights":
            from safetensors.torch import save_file

            save_file({"something": torch.zeros(3)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(MissingWeightsError):
            find_backbone(str(tmp_path)).backbone.attention(np.zeros((8, 8, 3), np.uint8), (2, 2), CPU, silent)

    def test_an_object_of_ones_own_is_taken_as_it_is(self, image):
        class Uniform:
            name, weights_revision, default_grid = "uniform", "", 6

            def attention(self, image, grid_shape, device, progress):
                n = grid_shape[0] * grid_shape[1]
                return torch.full((n, n), 1 / n)

        features = compute_features(image, Uniform(), device="cpu")
        assert features.backbone == "uniform" and features.grid_shape == (5, 7)
