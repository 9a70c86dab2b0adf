"""Depth backbones: polarity and numbers against the libraries' own pipelines, and which models stay in memory."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import (
    DEPTH_BACKBONES,
    FeatureParameters,
    MissingWeightsError,
    UnknownBackboneError,
    compute_features,
    find_backbone,
    find_depth,
    release_models,
)
from napari_m2n2v2.backbones import find as finding
from napari_m2n2v2.cli.main import main
from tests.backbones.tiny_models import save_depth_anything, save_dinov2, save_marigold

CPU = torch.device("cpu")


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def anything(tmp_path_factory):
    return save_depth_anything(tmp_path_factory.mktemp("hub") / "da")


@pytest.fixture(scope="module")
def marigold(tmp_path_factory):
    return save_marigold(tmp_path_factory.mktemp("hub") / "marigold")


@pytest.fixture(autouse=True)
def _alone():
    release_models()
    yield
    release_models()


def test_depth_anything_is_the_models_own_answer(anything, image):
    """Inverse depth as it comes: near is large already. transformers' own image processor is the oracle."""
    from transformers import DepthAnythingForDepthEstimation
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    processor = DPTImageProcessorPil(
        size={"height": 518, "width": 686}, keep_aspect_ratio=False, resample=3,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225], do_rescale=True,
    )  # fmt: skip
    inputs = processor(images=image, return_tensors="pt")
    model = DepthAnythingForDepthEstimation.from_pretrained(anything).eval()
    with torch.no_grad():
        predicted = model(**inputs).predicted_depth
    expected = torch.nn.functional.interpolate(predicted[:, None], size=image.shape[:2], mode="bilinear")[0, 0]
    got = find_depth(str(anything)).backbone.depth(image, CPU, silent)
    assert np.corrcoef(got.ravel(), expected.numpy().ravel())[0, 1] > 0.999


def test_the_papers_side_is_a_parameter(anything, image, monkeypatch):
    seen = []
    backbone = find_depth(str(anything), shortest_side=100).backbone
    backbone._loaded()[0].register_forward_pre_hook(
        lambda module, args, given: seen.append(tuple(given["pixel_values"].shape)), with_kwargs=True
    )
    backbone.depth(image, CPU, silent)
    assert seen == [(1, 3, 98, 140)]  # 48 x 64, in whole patches of 14


def test_marigold_is_turned_into_inverse_depth(marigold, image):
    from diffusers import MarigoldDepthPipeline

    pipeline = MarigoldDepthPipeline.from_pretrained(marigold)
    pipeline.set_progress_bar_config(disable=True)
    distance = pipeline(
        image[None] / np.float32(255), num_inference_steps=3, ensemble_size=3,
        generator=torch.Generator().manual_seed(0),
    ).prediction[0, ..., 0]  # fmt: skip
    got = find_depth(str(marigold), steps=3, ensemble=3).backbone.depth(image, CPU, silent)
    np.testing.assert_allclose(got, 1 / (distance + 0.25), rtol=1e-5)
    assert got.flat[distance.argmin()] == got.max()  # near is large


def test_names_are_told():
    with pytest.raises(UnknownBackboneError, match="depth-anything-v2-small"):
        find_depth("midas")
    for name in DEPTH_BACKBONES:
        with pytest.raises(MissingWeightsError, match=f"napari-m2n2v2 download {name}"):
            find_depth(name)
    with pytest.raises(MissingWeightsError, match="--id someone/depth"):
        find_depth("someone/depth")


def test_attention_weights_are_no_depth(tmp_path, image):
    folder = save_dinov2(tmp_path / "dino")
    with pytest.raises(MissingWeightsError, match="'dinov2' model, expected 'depth_anything'"):
        find_depth(str(folder)).backbone.depth(image, CPU, silent)


def test_from_the_shell(anything, image, tmp_path, monkeypatch, capsys):
    import json

    from skimage.io import imread, imsave

    monkeypatch.chdir(tmp_path)
    imsave("photo.png", image)
    command = ["segment", "photo.png", "--fg", "16,16", "-o", "mask.png", "--attention", "appearance", "--grid", "6"]
    assert main([*command, "--guide", str(anything), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["guide"].startswith("da sha256:")
    assert imread("mask.png").shape == image.shape[:2]


class TestMemory:
    @pytest.fixture
    def both(self, tmp_path, anything):
        return str(save_dinov2(tmp_path / "dino")), str(anything)

    def test_the_last_of_each_kind_stays_where_there_is_room(self, both, image):
        features = compute_features(image, both[0], both[1], "cpu", parameters=FeatureParameters(grid=4))
        assert features.backbone == "dino" and features.guide is not None
        attention, depth = find_backbone(both[0]).backbone, find_depth(both[1]).backbone
        assert attention._model is not None and depth._model is not None

    def test_only_one_is_kept_where_there_is_none(self, both, image, monkeypatch):
        monkeypatch.setattr(finding, "_available", lambda: 0)
        compute_features(image, both[0], both[1], "cpu", parameters=FeatureParameters(grid=4))
        held = {kind: backbone for kind, (_, backbone) in finding._held.items()}
        assert held["depth"]._model is None and held["attention"]._model is not None

    def test_another_of_the_same_kind_takes_its_place(self, both, tmp_path):
        first = find_backbone(both[0]).backbone
        assert find_backbone(both[0]).backbone is first and first.weights_revision
        find_backbone("appearance")
        assert first._model is None

    def test_the_cpu_goes_on_where_a_gpu_is_too_small(self, image, monkeypatch):
        class TooLarge:
            name, weights_revision, default_grid = "large", "", 80

            def attention(self, image, grid_shape, device, progress):
                if device.type != "cpu":
                    raise torch.cuda.OutOfMemoryError("CUDA out of memory")
                n = grid_shape[0] * grid_shape[1]
                return torch.full((n, n), 1 / n)

        monkeypatch.setattr("napari_m2n2v2.features.request.resolve_device", lambda device: torch.device("meta"))
        features = compute_features(image, TooLarge(), parameters=FeatureParameters(ipf_rounds=1))
        assert "on the CPU, because the memory of meta is too small" in features.chosen_because
        assert features.grid_shape == (55, 74) and features.transition.device == CPU  # the grid of a CPU

    def test_blocks_of_queries_shrink_until_they_fit(self, both, image, monkeypatch):
        whole = find_backbone(both[0]).backbone.attention(image, (5, 5), CPU, silent)
        real = torch.softmax

        def small_only(x, dim, **to):
            if len(x) > 3:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return real(x, dim=dim, **to)

        monkeypatch.setattr(torch, "softmax", small_only)
        got = find_backbone(both[0]).backbone.attention(image, (5, 5), CPU, silent)
        torch.testing.assert_close(got, whole, atol=1e-6, rtol=1e-5)


def test_what_a_progress_callback_returns_does_not_matter(anything, marigold, image):
    for folder in (anything, marigold):
        find_depth(str(folder)).backbone.depth(image, CPU, lambda share, stage: True)


def test_a_long_strip_is_not_blown_up(anything):
    seen = []
    backbone = find_depth(str(anything)).backbone
    backbone._loaded()[0].register_forward_pre_hook(
        lambda module, args, given: seen.append(given["pixel_values"].shape[-2:]), with_kwargs=True
    )
    strip = np.zeros((20, 1200, 3), np.uint8)
    assert backbone.depth(strip, CPU, silent).shape == (20, 1200)
    assert np.prod(seen[0]) < 4.5 * 518**2


def test_depth_computed_on_the_cpu_for_want_of_memory_says_so(image, monkeypatch):
    class Large:
        name, weights_revision = "large", "1"

        def depth(self, image, device, progress):
            if device.type != "cpu":
                raise RuntimeError("MPS backend out of memory")
            return np.tile(np.arange(image.shape[1], dtype=np.float32), (image.shape[0], 1))

    class Plain:
        name, weights_revision, default_grid = "plain", "", 4

        def attention(self, image, grid_shape, device, progress):
            n = grid_shape[0] * grid_shape[1]
            return torch.full((n, n), 1 / n)

    monkeypatch.setattr("napari_m2n2v2.features.request.resolve_device", lambda device: torch.device("meta"))
    features = compute_features(image, Plain(), Large())
    assert features.guide_from == "large 1; on the CPU, because the memory of meta is too small"
