"""DINOv2 on the real classes of transformers, saved to a folder and loaded as users do; weights are random."""

import numpy as np
import pytest
import torch
from transformers import Dinov2Model

from napari_m2n2v2 import FeatureParameters, compute_features, find_backbone
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
        monkeypatch.setattr("napari_m2n2v2.backbones.self_attention._ROWS_AT_ONCE", size)
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
    monkeypatch.setattr(torch, "softmax", lambda x, dim, **to: formed.append(tuple(x.shape)) or real(x, dim, **to))
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
