"""The real classes of diffusers and transformers at tiny random configurations, saved in the hub's layout."""

import json

import torch


def save_dinov2(folder, seed=0):
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(seed)
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=3, image_size=70, patch_size=14, initializer_range=0.5
    )
    Dinov2Model(config).save_pretrained(folder)
    return folder


def save_clip(folder, width=16):
    """A text encoder and its tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=77)
    tokenizer.save_pretrained(folder / "tokenizer")
    for name in ("vocab.json", "merges.txt"):
        (folder / name).replace(folder / "tokenizer" / name)
    config = CLIPTextConfig(
        vocab_size=len(tokens), hidden_size=width, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2
    )
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")


def save_stable_diffusion(folder, channels=4, seed=0, **changes):
    """SD2's layout of blocks: three with attention going down and up, the last of them at the latent's resolution."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    torch.manual_seed(seed)
    save_clip(folder)
    autoencoder = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=4, layers_per_block=1,
    )  # fmt: skip
    autoencoder.save_pretrained(folder / "vae")
    unet = UNet2DConditionModel(
        in_channels=channels, block_out_channels=(8, 16, 16, 16), attention_head_dim=(2, 4, 4, 4),
        cross_attention_dim=16, norm_num_groups=4, use_linear_projection=True, layers_per_block=1, **changes,
    )  # fmt: skip
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if name.endswith(("to_q.weight", "to_k.weight")):
                weight.mul_(6)  # random attention is nearly uniform: make it say something
    unet.save_pretrained(folder / "unet")
    return folder


def save_marigold(folder, seed=0):
    from diffusers import AutoencoderKL, DDIMScheduler, MarigoldDepthPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    save_stable_diffusion(folder, channels=8, seed=seed)
    pipeline = MarigoldDepthPipeline(
        unet=UNet2DConditionModel.from_pretrained(folder / "unet"),
        vae=AutoencoderKL.from_pretrained(folder / "vae"),
        scheduler=DDIMScheduler(prediction_type="v_prediction", timestep_spacing="trailing"),
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        prediction_type="depth",
        default_denoising_steps=1,
        default_processing_resolution=64,
    )
    pipeline.save_pretrained(folder)
    return folder


def save_depth_anything(folder, seed=0):
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    torch.manual_seed(seed)
    backbone = Dinov2Config(
        hidden_size=24, num_hidden_layers=4, num_attention_heads=3, image_size=70, patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=24, neck_hidden_sizes=[4, 8, 12, 16],
        fusion_hidden_size=8, head_hidden_size=8,
    )  # fmt: skip
    DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    return folder
