"""Each stage of the engine by itself."""

import numpy as np
import pytest
import torch

from napari_m2n2v2.backbones import find_backbone
from napari_m2n2v2.backbones.run import grid_for
from napari_m2n2v2.method.attention import adjust_temperature_, make_doubly_stochastic_
from napari_m2n2v2.method.flood_fill import flood_fill
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.method.nearest_neighbour import nearest_click
from napari_m2n2v2.method.scoring import candidate_thresholds
from napari_m2n2v2.method.upsampling import build_upsampling_operator

from .conftest import BACKBONE, GRIDS, SIZES

CPU = torch.device("cpu")
PHOTO = "480x854"
of_size = pytest.mark.parametrize("size", list(SIZES))
of_grid = pytest.mark.parametrize("grid", GRIDS)


def silent(share, stage):
    pass


@pytest.fixture(scope="module")
def attention():
    return {}


def attention_of(kept, photo, grid):
    if grid not in kept:
        kept.clear()
        backbone = find_backbone(BACKBONE).backbone
        kept[grid] = backbone.attention(photo(PHOTO), grid_for(SIZES[PHOTO], grid), CPU, silent)
    return kept[grid]


@of_grid
def test_attention(benchmark, photo, grid):
    backbone = find_backbone(BACKBONE).backbone
    _ = backbone.weights_revision  # loaded
    shape = grid_for(SIZES[PHOTO], grid)
    benchmark.pedantic(backbone.attention, (photo(PHOTO), shape, CPU, silent), rounds=1 if grid == 128 else 3)


@of_grid
def test_normalisation(benchmark, photo, attention, grid):
    """Temperature and IPF until it has converged."""
    raw = attention_of(attention, photo, grid)

    def setup():
        return (raw.clone(),), {}

    def normalise(matrix):
        make_doubly_stochastic_(adjust_temperature_(matrix, 0.65), 200, 1e-6)

    benchmark.pedantic(normalise, setup=setup, rounds=1 if grid == 128 else 3)


@of_grid
def test_markov_map(benchmark, features, grid):
    """The mean of four places: how many steps the chain takes depends on the place."""
    found = features(PHOTO, grid)
    starts = [start_state(r, c, SIZES[PHOTO], found.grid_shape, CPU) for r in (120, 360) for c in (200, 600)]

    def maps():
        for start in starts:
            markov_map(found.transition, start, 0.3, 1000)

    benchmark.extra_info["divide_by"] = len(starts)
    benchmark.pedantic(maps, rounds=3, warmup_rounds=1)


@of_size
@of_grid
def test_operator_build(benchmark, photo, size, grid):
    channels = np.ascontiguousarray(np.moveaxis(photo(size).astype(np.float32) / 255, -1, 0))
    shape = grid_for(SIZES[size], grid)
    build_upsampling_operator(channels[:, :40, :40], (5, 5), 1.0, 0.1)
    made = benchmark.pedantic(build_upsampling_operator, (channels, shape, 1.0, 0.1), rounds=1)
    benchmark.extra_info["megabytes"] = round(made.nbytes / 1e6, 1)


@of_size
@of_grid
def test_operator_apply(benchmark, photo, size, grid):
    channels = np.ascontiguousarray(np.moveaxis(photo(size).astype(np.float32) / 255, -1, 0))
    shape = grid_for(SIZES[size], grid)
    operator = build_upsampling_operator(channels, shape, 1.0, 0.1)
    low = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    benchmark.pedantic(operator, (low,), rounds=10, warmup_rounds=2)


def map_of(photo, size, seed=0):
    """What stands for a Markov-map: smooth, with a minimum at the click."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[: SIZES[size][0], : SIZES[size][1]]
    far = np.hypot(rows - SIZES[size][0] / 2, cols - SIZES[size][1] / 2)
    values = far + 60 * np.abs(photo(size)[..., 0] / 255.0 - 0.5) + rng.random(SIZES[size])
    return (values / values.max()).astype(np.float32)


@of_size
def test_flood_fill(benchmark, photo, size):
    values, pixel = map_of(photo, size), (SIZES[size][0] // 2, SIZES[size][1] // 2)
    benchmark.pedantic(flood_fill, (values, pixel), rounds=10, warmup_rounds=2)


@of_size
def test_scoring(benchmark, photo, size):
    """All candidates of a map with their edge scores."""
    benchmark.pedantic(candidate_thresholds, (map_of(photo, size),), rounds=10, warmup_rounds=2)


@of_size
def test_nearest_neighbour_of_ten(benchmark, photo, size):
    maps = [map_of(photo, size, seed) for seed in range(10)]
    benchmark.pedantic(nearest_click, (maps, [0.5] * 10), rounds=10, warmup_rounds=2)
