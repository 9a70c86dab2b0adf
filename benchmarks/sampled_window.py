"""What sampling the window of a coarse grid costs and saves, on photos: ``python -m benchmarks.sampled_window``."""

import time

import numpy as np
import torch
from skimage.data import astronaut, coffee, immunohistochemistry

from napari_m2n2v2 import Click, FeatureParameters, SegmentationParameters, Session, compute_features
from napari_m2n2v2.method import upsampling, window

PHOTOS = {"astronaut": astronaut, "coffee": coffee, "immunohistochemistry": immunohistochemistry}
SIDE = 320
GRIDS = {10: 16, 5: 16, 20: 8}  # cells of 32, 64 and 16 pixels, and up to which standard deviation windows are dense


def built(guide, grid, dense):
    """Return an operator whose windows are dense up to this standard deviation, and how long it took."""
    kept = window._DENSE
    window._DENSE = dense
    begin = time.perf_counter()
    operator = upsampling.build_upsampling_operator(guide, grid, 1.0, 0.1)
    window._DENSE = kept
    return operator, time.perf_counter() - begin


def masks(features, operator):
    """Return what single clicks give by an operator."""
    features._operators[False] = operator
    clicks = [Click(row, col) for row in range(40, SIDE, 80) for col in range(40, SIDE, 80)]
    return [Session(features, SegmentationParameters.paper()).click(click).mask for click in clicks]


def errors(exact, sampled, grid):
    """Return the absolute errors on random maps in [0, 1]."""
    rng = np.random.default_rng(0)
    maps = [torch.from_numpy(rng.random(grid).astype(np.float32)) for _ in range(20)]
    return np.stack([np.abs(exact(low).numpy() - sampled(low).numpy()) for low in maps])


def main():
    for name, photo in PHOTOS.items():
        image = np.ascontiguousarray(photo()[:SIDE, :SIDE])
        guide = np.ascontiguousarray(np.moveaxis(image.astype(np.float32) / 255, -1, 0))
        for grid, dense in GRIDS.items():
            parameters = FeatureParameters(grid=grid)
            features = compute_features(image, "appearance", device="cpu", parameters=parameters)
            (exact, slow), (sampled, fast) = (built(guide, features.grid_shape, up_to) for up_to in (1e9, dense))
            pairs = zip(masks(features, exact), masks(features, sampled), strict=True)
            overlap = [(one & other).sum() / (one | other).sum() for one, other in pairs]
            error = errors(exact, sampled, features.grid_shape)
            print(
                f"{name}, grid {grid}: {slow / fast:.1f} times faster ({slow:.1f} s, {fast:.1f} s), "
                f"mask IoU with the dense window: median {np.median(overlap):.4f}, least {min(overlap):.4f}; "
                f"maps: mean {error.mean():.5f}, 99 % {np.quantile(error, 0.99):.4f}, most {error.max():.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
