"""What ``gpu.py`` compares: features, Markov-maps, masks and single steps on a device with those of the CPU."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from skimage.data import coffee
from skimage.transform import resize

from napari_m2n2v2 import Click, FeatureParameters, ImageFeatures, SegmentationParameters, Session, compute_features
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.steps import COMPILED, steps_in_torch
from napari_m2n2v2.method.upsampling import build_upsampling_operator

PLACES = [
    (0.42, 0.45), (0.12, 0.11), (0.69, 0.35), (0.87, 0.82), (0.19, 0.7),
    (0.52, 0.61), (0.83, 0.14), (0.27, 0.39), (0.62, 0.75), (0.1, 0.49),
]  # fmt: skip
"""Of clicks, in shares of the image; every other one is background."""
LEAST_IOU = 0.999
LARGEST_DIFFERENCE = 1e-3
"""Of a transition matrix, in shares of its largest entry, and of a Markov-map, in shares of its largest value."""


def photo_of(shape):
    return (resize(coffee(), shape, anti_aliasing=True) * 255).round().astype(np.uint8)


def clicks_on(shape):
    return [Click(row * shape[0], col * shape[1], i % 2 == 0) for i, (row, col) in enumerate(PLACES)]


def masks_after(features, clicks, parameters=None):
    """Return the mask after each click."""
    session = Session(features, parameters)
    return [session.click(click).mask.copy() for click in clicks]


def overlap(one, other):
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0


def least_overlap(there, here, clicks, parameters=None):
    """Return the least IoU of the masks after each click with features on two devices."""
    pairs = zip(masks_after(there, clicks, parameters), masks_after(here, clicks, parameters), strict=True)
    return min(overlap(*pair) for pair in pairs)


def first_map(features):
    """Return the Markov-map of the first place, on the CPU."""
    shape = features.image.shape[:2]
    start = start_state(
        PLACES[0][0] * shape[0], PLACES[0][1] * shape[1], shape, features.grid_shape, features.transition.device
    )
    return markov_map(features.transition, start, 0.3, 1000).cpu()


def relative(there, here):
    return float((there.cpu() - here.cpu()).abs().max() / here.max().cpu())


def references(folder):
    """Yield the name, the features' arguments and the clicks of stored outputs of the published program."""
    for path in sorted(Path(folder).glob("*.npz")) if folder else ():
        stored = np.load(path)
        clicks = [Click(int(row), int(col), bool(kind)) for row, col, kind in stored["clicks"]]
        yield path.stem, (stored["image"], stored["attention"], tuple(int(side) for side in stored["grid"])), clicks


def checks(device, photo, grid, weights, reference):
    """Yield what is compared, what came out, and whether it is as it should be."""
    parameters, clicks = FeatureParameters(grid=grid), clicks_on(photo.shape[:2])
    for name, source in (("appearance", "appearance"), ("DINOv2", weights)):
        there, here = (compute_features(photo, source, device=at, parameters=parameters) for at in (device, "cpu"))
        off = relative(there.transition, here.transition)
        yield f"{name}: transition matrix, largest difference", f"{off:.1e}", off <= LARGEST_DIFFERENCE
        # One attention from here on: networks round otherwise on each device, which is no matter of the engine.
        moved = replace(here, transition=here.transition.to(device))
        off = relative(first_map(moved), first_map(here))
        yield f"{name}: Markov-map, largest difference", f"{off:.1e}", off <= LARGEST_DIFFERENCE
        least = least_overlap(moved, here, clicks)
        yield f"{name}: masks of 1 to 10 clicks, least IoU", f"{least:.4f}", least >= LEAST_IOU
    if reference:
        published = SegmentationParameters.m2n2()
        least = min(
            least_overlap(
                *(ImageFeatures.from_attention(*given, device=at) for at in (device, "cpu")), placed, published
            )
            for _, given, placed in references(reference)
        )
        yield "reference masks, least IoU", f"{least:.4f}", least >= LEAST_IOU


def step_checks(device, photo, grid):
    """Yield the same for the steps as tensor operations, which only CUDA runs in use, beside the compiled ones."""
    features = compute_features(photo, "appearance", device="cpu", parameters=FeatureParameters(grid=grid))
    upsampled = features.upsampling_operator(guided=True)(first_map(features))
    upsampled /= upsampled.max()
    pixel = tuple(int(share * side) for share, side in zip(PLACES[0], upsampled.shape, strict=True))
    guide = np.ascontiguousarray(np.moveaxis(photo.astype(np.float32) / 255, -1, 0))
    ours = steps_in_torch(device)

    def scores(steps):
        found = steps.candidate_thresholds(upsampled.numpy())
        return np.concatenate([found.values, found.edge, steps.contrast_across(features.contrast, upsampled.numpy())])

    def filled(steps):
        at = upsampled.to(device) if steps is ours else upsampled
        return steps.flood_fill(at, pixel, features.flood_guide, "connected")

    def raised(steps):
        built = build_upsampling_operator(guide, features.grid_shape, 1.0, 0.1, dense=steps.build_dense)
        return built(first_map(features)).numpy()

    for name, work, most in (("scoring", scores, 0), ("flood fill", filled, 1e-6), ("upsampling", raised, 1e-4)):
        try:
            found, expected = work(ours), work(COMPILED)
        except (RuntimeError, TypeError) as error:  # an operation that this device lacks
            yield f"{name} in torch, largest difference", str(error).splitlines()[0], device.type == "mps"
            continue
        off = float(np.abs(found - expected).max() / expected.max())
        yield f"{name} in torch, largest difference", f"{off:.1e}", off <= most
