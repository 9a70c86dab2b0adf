"""Stable Diffusion's attention on the real classes, tiny and random, loaded the way users do."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import (
    BACKBONES,
    Cancelled,
    FeatureParameters,
    MissingWeightsError,
    ParameterError,
    compute_features,
    find_backbone,
    release_models,
)
from napari_m2n2v2.backbones import stable_diffusion
from napari_m2n2v2.backbones.stable_diffusion import StableDiffusionAttention, load_folder, model_input
from tests.backbones.tiny_models import save_stable_diffusion

CPU = torch.device("cpu")
PATHS = [f"up_blocks.3.attentions.{i}.transformer_blocks.0.attn1" for i in (0, 1)]


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_stable_diffusion(tmp_path_factory.mktemp("hub") / "tiny-sd2")


@pytest.fixture
def backbone(folder):
    release_models()
    return find_backbone(str(folder)).backbone


def attention_by_hooks(folder, image, grid_shape, weights=(0.5, 0.5), timestep=100):
    """The whole network, and float64 softmaxes of what hooks on its own projections caught."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    autoencoder = AutoencoderKL.from_pretrained(folder / "vae").eval()
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder").eval()
    caught = {}
    for path in PATHS:
        module = unet.get_submodule(path)
        for name in ("to_q", "to_k"):
            key = (path, name)
            getattr(module, name).register_forward_hook(lambda m, i, out, key=key: caught.update({key: out}))
    with torch.no_grad():
        ids = tokenizer("", padding="max_length", max_length=77, return_tensors="pt").input_ids
        latent = autoencoder.encode(model_input(image, grid_shape)).latent_dist.mode()
        unet(latent * autoencoder.config.scaling_factor, timestep, encoder_hidden_states=encoder(ids)[0])
    total = 0
    for path, weight in zip(PATHS, weights, strict=True):
        heads = unet.get_submodule(path).heads
        q, k = (caught[path, name][0].double().unflatten(1, (heads, -1)).transpose(0, 1) for name in ("to_q", "to_k"))
        total = total + weight * torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1).mean(dim=0)
    return total / total.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("grid_shape", [(8, 8), (6, 10), (7, 9)])
def test_attention_is_what_the_blocks_own_projections_give(folder, backbone, image, grid_shape):
    got = backbone.attention(image, grid_shape, CPU, silent)
    expected = attention_by_hooks(folder, image, grid_shape)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(got.sum(dim=1), torch.ones(len(got)))
    assert expected.max() > 3 / len(got)  # so that the comparison says something


def test_timestep_and_weights_are_parameters(folder, image):
    blocks = (("up_blocks.3.attentions.0", 3.0), ("up_blocks.3.attentions.1", 1.0))
    backbone = find_backbone(str(folder), timestep=500, blocks=blocks).backbone
    got = backbone.attention(image, (6, 6), CPU, silent)
    expected = attention_by_hooks(folder, image, (6, 6), weights=(0.75, 0.25), timestep=500)
    torch.testing.assert_close(got.double(), expected, atol=1e-5, rtol=0)


def test_defaults_are_the_papers():
    backbone = StableDiffusionAttention("x", lambda: None)
    assert (backbone.default_grid, backbone.timestep) == (128, 100)
    assert backbone.blocks == dict.fromkeys(PATHS, 0.5)


@pytest.mark.parametrize("size", [1, 7, 80])
def test_chunks_of_queries_make_no_difference(backbone, image, monkeypatch, size):
    whole = backbone.attention(image, (8, 10), CPU, silent)
    monkeypatch.setattr("napari_m2n2v2.backbones.self_attention._ROWS_AT_ONCE", size)
    torch.testing.assert_close(backbone.attention(image, (8, 10), CPU, silent), whole, atol=1e-6, rtol=1e-5)


def test_recording_leaves_the_output_as_it_was_and_stopping_early_changes_nothing(folder):
    parts, _ = load_folder(str(folder))
    unet, prompt = parts.unet.eval(), parts.empty_prompt
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    blocks = dict.fromkeys(PATHS, 0.5)
    outs = torch.zeros(2, 64, 64)
    with torch.no_grad():
        plain = unet(latent, 100, encoder_hidden_states=prompt).sample
        with stable_diffusion._recording(unet, blocks, outs[0], lambda share: None, stop=False):
            hooked = unet(latent, 100, encoder_hidden_states=prompt).sample
        ran = []
        unet.conv_out.register_forward_hook(lambda *_: ran.append("to the end"))
        with stable_diffusion._recording(unet, blocks, outs[1], lambda share: None):
            unet(latent, 100, encoder_hidden_states=prompt)
        torch.testing.assert_close(hooked, plain, atol=0, rtol=0)
        torch.testing.assert_close(outs[1], outs[0], atol=0, rtol=0)
        assert not ran
        again = unet(latent, 100, encoder_hidden_states=prompt).sample
    torch.testing.assert_close(again, plain, atol=0, rtol=0)


def test_only_what_is_used_is_kept(folder):
    parts, revision = load_folder(str(folder))
    assert not hasattr(parts.autoencoder, "decoder")
    assert parts.empty_prompt.shape == (1, 77, 16) and revision.startswith("sha256:")


def test_flip_equals_flipping_by_hand(folder, image):
    plain = {"grid": 6, "temperature": 1.0, "ipf_rounds": 0}
    both = compute_features(
        image, str(folder), device="cpu", parameters=FeatureParameters(test_time_flip=True, **plain)
    )
    h, w = both.grid_shape
    mirrored_image = np.ascontiguousarray(image[:, ::-1])
    straight, mirrored = (attention_by_hooks(folder, i, (h, w)) for i in (image, mirrored_image))
    mirror = torch.arange(h * w).reshape(h, w).flip(1).ravel()
    expected = (straight + mirrored[mirror][:, mirror]) / 2
    torch.testing.assert_close(both.transition.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cancel_acts_in_every_stage_and_leaves_the_model_whole(backbone, image, share):
    whole = backbone.attention(image, (6, 6), CPU, silent)

    def stop(done, stage):
        if done >= share:
            raise Cancelled

    with pytest.raises(Cancelled):
        backbone.attention(image, (6, 6), CPU, stop)
    torch.testing.assert_close(backbone.attention(image, (6, 6), CPU, silent), whole)


def test_progress_never_goes_back(backbone, image):
    shares = []
    backbone.attention(image, (6, 6), CPU, lambda share, stage: shares.append(share))
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)


def test_release_frees_the_weights_and_they_come_back(backbone, image):
    before = backbone.attention(image, (6, 6), CPU, silent)
    backbone.release()
    assert backbone._model is None
    torch.testing.assert_close(backbone.attention(image, (6, 6), CPU, silent), before)


def test_float16_files_are_loaded_too(folder, tmp_path, image):
    import shutil

    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    half, rounded = tmp_path / "half", tmp_path / "rounded"
    for place in (half, rounded):
        shutil.copytree(folder / "tokenizer", place / "tokenizer")
    for name, model in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL), ("text_encoder", CLIPTextModel)):
        part = model.from_pretrained(folder / name).half()
        part.save_pretrained(half / name, variant="fp16")
        part.float().save_pretrained(rounded / name)
    got = find_backbone(str(half)).backbone.attention(image, (6, 6), CPU, silent)
    torch.testing.assert_close(got.double(), attention_by_hooks(rounded, image, (6, 6)), atol=1e-5, rtol=0)


class TestRefused:
    @pytest.fixture
    def copy(self, folder, tmp_path):
        import shutil

        return shutil.copytree(folder, tmp_path / "copy")

    def refusal(self, copy, image):
        release_models()
        with pytest.raises(MissingWeightsError) as caught:
            find_backbone(str(copy)).backbone.attention(image, (4, 4), CPU, silent)
        return str(caught.value)

    def test_a_pickle(self, copy, image):
        weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
        weights.rename(weights.with_suffix(".bin"))
        assert "pickle" in self.refusal(copy, image)

    def test_a_file_cut_short(self, copy, image):
        weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        assert "cannot be loaded" in self.refusal(copy, image)

    def test_weights_that_lack_some(self, copy, image):
        from safetensors.torch import load_file, save_file

        weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
        kept = {name: w for name, w in load_file(weights).items() if "up_blocks.3.attentions.1" not in name}
        save_file(kept, weights, metadata={"format": "pt"})
        assert "lacks" in self.refusal(copy, image)

    def test_no_text_encoder(self, copy, image):
        import shutil

        shutil.rmtree(copy / "text_encoder")
        assert "text_encoder has no weights" in self.refusal(copy, image)

    def test_blocks_that_are_not_there(self, folder, image):
        with pytest.raises(ParameterError, match=r"up_blocks\.9"):
            find_backbone(str(folder), blocks=(("up_blocks.9", 1.0),)).backbone.attention(image, (4, 4), CPU, silent)

    @pytest.mark.parametrize("options", [{"timestep": -1}, {"timestep": 1000}, {"blocks": (("a", -1.0),)}])
    def test_parameters_out_of_range(self, options):
        with pytest.raises(ParameterError):
            StableDiffusionAttention("x", lambda: None, **options)


def test_grids_of_the_paper():
    assert BACKBONES["stable-diffusion-2"].make("a", "nowhere").default_grid == 128
    assert BACKBONES["stable-diffusion-1"].make("stable-diffusion-1", "nowhere").default_grid == 112
    assert BACKBONES["dinov2-base"].make("a", "nowhere").default_grid == 80


def test_on_a_cpu_no_grid_above_64_is_taken_unasked(folder, image):
    assert find_backbone(str(folder)).backbone.default_grid == 128
    features = compute_features(image[:8, :8], str(folder), device="cpu", parameters=FeatureParameters(ipf_rounds=0))
    assert features.grid_shape == (64, 64)


def test_a_unet_that_takes_more_than_the_image_is_refused(tmp_path, image):
    folder = save_stable_diffusion(tmp_path / "wide", channels=8)
    with pytest.raises(MissingWeightsError, match="takes 8 channels"):
        find_backbone(str(folder)).backbone.attention(image, (4, 4), CPU, silent)
