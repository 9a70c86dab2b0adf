"""Where things stand, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_m2n2v2._napari.workspace import FeatureState

if TYPE_CHECKING:
    from napari_m2n2v2._napari.workspace import Workspace

__all__ = ["describe"]


def describe(workspace: Workspace | None) -> str:
    """Say in a line or two where things stand with the active image."""
    if workspace is None:
        return "Choose an image and press Start, then click on an object."
    lines = [f"{workspace.image.name}: features {workspace.state.value}"]
    features = workspace.features
    if features is not None:
        grid = " x ".join(str(side) for side in features.grid_shape)
        lines[0] += f", {features.backbone} {grid} ({features.chosen_because})"
        if features.guide_from:
            lines.append(f"Guide: {'the chosen layer' if features.guide_from == 'given' else features.guide_from}")
    if workspace.state is FeatureState.STALE:
        lines.append("The image or the settings changed. Press Compute again to use them.")
    if workspace.computed_with is not None:
        lines.append(f"Bit depth: {workspace.computed_with.bit_depth}")
    return "\n".join(lines)
