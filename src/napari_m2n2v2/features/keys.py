"""What stored features are known by: a digest of everything that they depend on.

Each part of the features has its own key, so that what another guide or another window of upsampling does not touch is
found again. Not in a key: the device, whose rounding does not matter, and where the image came from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.guides.channel import GuideChannel

__all__ = ["FeatureKeys", "identity_of"]


@dataclass(frozen=True)
class FeatureKeys:
    """The keys of one image's features, SHA-256 in hexadecimal. Made by :meth:`of`.

    Parameters
    ----------
    transition : str
        Of working image, backbone, weights, grid, flip, temperature and IPF.
    depth : str
        Of working image, depth backbone, weights and flip; empty where no depth is computed.
    operator : str
        Of working image, the guides that join upsampling, grid and the sigmas of upsampling. Version 0.1 stored it.
    guides : str
        Of all guides and of how they were chosen: what features in memory are of, and no entry on disk.
    """

    transition: str
    depth: str
    operator: str
    guides: str

    @classmethod
    def of(cls, request: FeatureRequest) -> FeatureKeys:
        """Name the parts of a request. May load the weights, to know which they are."""
        plane, parameters = request.plane, request.spec.parameters
        image = plane.image_hash
        transition = _digest(
            part="transition", image=image, backbone=identity_of(request.attention.backbone), grid=request.grid_shape,
            flip=parameters.test_time_flip, temperature=parameters.temperature,
            ipf=[parameters.ipf_rounds, parameters.ipf_tolerance],
        )  # fmt: skip
        depth = ""
        if request.depth is not None:
            identity = identity_of(request.depth.backbone)
            depth = _digest(part="depth", image=image, backbone=identity, flip=parameters.test_time_flip)
        deep = [(depth, request.depth_weight)] if depth else []
        joining = deep + [_channel(guide) for guide in request.channels if guide.joins_upsampling]
        operator = _digest(
            part="operator", image=image, guides=joining, grid=request.grid_shape,
            sigmas=[parameters.sigma_spatial, parameters.sigma_range],
        )  # fmt: skip
        given = deep + [_channel(one) for one in request.channels]
        guides = _digest(part="guides", guides=given, auto=request.own is not None)
        return cls(transition, depth, operator, guides)

    @property
    def on_disk(self) -> tuple[str, ...]:
        """Those of what is stored."""
        return tuple(key for key in (self.transition, self.depth) if key)


def _channel(guide: GuideChannel) -> tuple[str, float]:
    return hashlib.sha256(guide.values.tobytes()).hexdigest(), guide.weight


def identity_of(backbone: Any) -> dict[str, Any]:
    """Name a backbone: its class, its weights, and the options it shows as attributes, such as a timestep."""
    if (other := getattr(backbone, "stands_for", None)) is not None:  # one elsewhere, which reads the same
        return dict(other)
    kind = type(backbone)
    options = {name: value for name, value in vars(backbone).items() if not name.startswith("_")}
    options.pop("default_grid", None)  # the grid itself is in the key
    weights = backbone.weights_revision
    return {"class": f"{kind.__module__}.{kind.__qualname__}", "name": backbone.name, "weights": weights, **options}


def _digest(**what: Any) -> str:
    # An option that JSON does not know counts by its repr: at worst it never matches.
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=repr).encode()).hexdigest()
