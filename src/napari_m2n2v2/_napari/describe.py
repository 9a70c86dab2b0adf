"""Where things stand, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_m2n2v2._napari.opening import no_plane
from napari_m2n2v2._napari.places import PlaneKey
from napari_m2n2v2._napari.settings import FeatureState

if TYPE_CHECKING:
    from napari_m2n2v2._napari.workspace import Workspace

__all__ = ["describe", "plane_text"]


def plane_text(key: PlaneKey) -> str:
    """Name a plane of a stack, as napari's sliders count; empty for an image that is one plane."""
    return f"slice {', '.join(str(at) for at in key.index)}" if key.index else ""


def describe(workspace: Workspace | None, prepared: bool = False) -> str:
    """Say in a few lines where things stand with the active image and the plane that is shown, maybe prepared."""
    if workspace is None:
        return "Choose an image and press Start, then click on an object."
    here, plane = workspace.here, workspace.plane
    if here is None:
        return str(no_plane(workspace.dims, workspace.image))
    name = ", ".join(filter(None, (workspace.image.name, plane_text(here))))
    lines = [f"{name}: features {workspace.state.value}"]
    if plane is not None and (features := plane.features) is not None:
        grid = " x ".join(str(side) for side in features.grid_shape)
        lines[0] += f", {features.backbone} {grid} ({features.chosen_because})"
        if features.guide_from:
            lines.append(f"Guide: {features.guide_from.replace('given', 'the chosen layer')}")
        choice = plane.result.guides.get(workspace.object_id) if plane.result is not None else None
        if choice is not None and features.alternatives:
            lines.append(f"Object {workspace.object_id} is guided by {choice.guides}: {choice.because}")
    if workspace.state is FeatureState.STALE:
        lines.append("The image or the settings changed. Press Compute again to use them.")
    elif workspace.state is FeatureState.MISSING and here.index:
        to_compute = "Click on this slice, or press Start, to compute them."
        lines.append("This slice was prepared: click on it." if prepared else to_compute)
    others = [p.key for p in workspace.planes if p.state is FeatureState.COMPUTING and p.key != here]
    if others:
        lines.append(f"Computing {'; '.join(plane_text(key) for key in others)}.")
    if plane is not None and plane.computed_with is not None:
        lines.append(f"Bit depth: {plane.computed_with.bit_depth}")
    return "\n".join(lines)
