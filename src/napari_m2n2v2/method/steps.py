"""Which version of a step runs, by the device of the features: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.method import (
    contrast,
    flood_fill,
    on_device,
    operator_compiled,
    operator_on_device,
    scoring,
    upsampling,
)
from napari_m2n2v2.parameters import Reach

__all__ = ["COMPILED", "Steps", "steps_in_torch", "steps_on"]

Floats = NDArray[np.float32]


Pixels = Sequence[tuple[int, int]] | tuple[int, int]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps that there are twice. Whatever they return but the operator's products is on the CPU.

    Parameters
    ----------
    build_dense : callable
        :func:`~napari_m2n2v2.method.operator_compiled.build_dense`.
    flood_fill : callable
        :func:`~napari_m2n2v2.method.flood_fill.flood_fill` of a map where the features are.
    candidate_thresholds : callable
        :func:`~napari_m2n2v2.method.scoring.candidate_thresholds`.
    contrast_across : callable
        :func:`~napari_m2n2v2.method.contrast.contrast_across`, of contrast and map.
    """

    build_dense: upsampling.BuildDense
    flood_fill: Callable[[Tensor, Pixels, Floats | None, Reach], Floats]
    candidate_thresholds: Callable[[Floats], scoring.CandidateThresholds]
    contrast_across: Callable[[NDArray[np.int32], Floats], Floats]


COMPILED = Steps(
    operator_compiled.build_dense,
    lambda markov_map, pixels, guide, reach: flood_fill.flood_fill(markov_map.numpy(force=True), pixels, guide, reach),
    scoring.candidate_thresholds,
    lambda differ, markov_map: contrast.contrast_across(differ, flood_fill.stable_order(markov_map)),
)
"""On the CPU, and beside devices that lack operations the others need."""


def steps_in_torch(device: torch.device) -> Steps:
    """Return the steps as tensor operations on a device."""
    return Steps(
        partial(operator_on_device.build_dense, device=device),
        on_device.flood_fill,
        partial(on_device.candidate_thresholds, device=device),
        partial(on_device.contrast_across, device=device),
    )


def steps_on(device: torch.device) -> Steps:
    """Return the steps for features on a device."""
    return steps_in_torch(device) if device.type == "cuda" else COMPILED
