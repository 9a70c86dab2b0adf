"""Time and peak memory of attention from a Stable Diffusion 2 of full size, with random weights, on this machine.

    python benchmarks/full_size_sd2.py 64 128 --dtype bfloat16

Random weights take as long and as much memory as real ones; only what they see means nothing. Each grid is a process of
its own, so that the peak is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time


def build(dtype):
    """SD2's networks by its published configuration, and an empty prompt of the right shape."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from napari_m2n2v2.backbones.stable_diffusion import DiffusionParts

    torch.set_default_dtype(dtype)
    try:
        unet = UNet2DConditionModel(
            sample_size=96, attention_head_dim=(5, 10, 20, 20), cross_attention_dim=1024, use_linear_projection=True
        )
        autoencoder = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2,
        )  # fmt: skip
        del autoencoder.decoder, autoencoder.post_quant_conv
    finally:
        torch.set_default_dtype(torch.float32)
    return DiffusionParts(autoencoder, unet, torch.randn(1, 77, 1024)), "random"


def measure(grid, dtype):
    import numpy as np
    import torch

    from napari_m2n2v2.backbones.stable_diffusion import StableDiffusionAttention

    kind = getattr(torch, dtype)
    backbone = StableDiffusionAttention("random", lambda: build(kind), dtype=kind)
    millions = sum(weight.numel() for weight in backbone._loaded()[0].unet.parameters()) / 1e6
    image = np.random.default_rng(0).integers(0, 255, (8 * grid, 8 * grid, 3), dtype=np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stages = {}
    begin = last = time.perf_counter()

    def progress(share, stage):
        nonlocal last
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now

    attention = backbone.attention(image, (grid, grid), torch.device("cpu"), progress)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sums = attention.sum(dim=1)
    print(
        json.dumps(
            {
                "grid": grid,
                "dtype": dtype,
                "unet_millions": round(millions),
                "seconds": round(seconds, 1),
                "stages": {name: round(value, 1) for name, value in stages.items()},
                "loaded_gib": round(before / 2**20, 2),
                "peak_gib": round(peak / 2**20, 2),
                "matrix_gib": round(attention.numel() * 4 / 2**30, 2),
                "row_sums": [round(float(sums.min()), 5), round(float(sums.max()), 5)],
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grids", type=int, nargs="+")
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float32"])
    options = parser.parse_args()
    if len(options.grids) == 1:
        measure(options.grids[0], options.dtype)
    else:
        for grid in options.grids:
            subprocess.run([sys.executable, __file__, str(grid), "--dtype", options.dtype], check=True)
