"""Where the features of a plane, or of a part of one, stand."""

from __future__ import annotations

from enum import Enum

__all__ = ["FeatureState"]


class FeatureState(Enum):
    """Whether features can be used, in the words that users read."""

    MISSING = "not computed"
    COMPUTING = "computing"
    READY = "ready"
    STALE = "out of date"
    FAILED = "failed"
    LEFT_OUT = "left out, no room"
