"""How likely a proposal is to be right, and what to do with all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from napari_m2n2v2.similar.proposals import Advice, Proposal, Why

__all__ = ["advice", "certainty"]

# Fitted on the half of the images that choices were made by: benchmarks/similar.py --fit --half chosen.
_BIAS = -8.80
_WEIGHTS = {"size": 1.30, "shape": 3.06, "contrast": 2.92, "look": 2.16}
_REPRODUCED = 3.04
_AT_BORDER = 0.70

_CERTAIN = 0.85  # on average, where proposals may be accepted together


def certainty(why: Why, reproduced: float, at_border: bool) -> float:
    """Return the share of such proposals that were right where that was measured (``benchmarks/similar.py``)."""
    odds = _BIAS + _REPRODUCED * reproduced + _AT_BORDER * at_border
    odds += sum(weight * getattr(why, name) for name, weight in _WEIGHTS.items())
    return float(expit(odds))


def advice(found: Sequence[Proposal]) -> Advice:
    """Say whether proposals can be accepted together, or many are likely to be wrong: by their mean certainty."""
    mean = float(np.mean([one.certainty for one in found])) if found else 1.0
    return "accept all shown" if mean >= _CERTAIN else "check each"
