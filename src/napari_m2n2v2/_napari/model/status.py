"""Where things stand, in words, and what to say when nothing is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_m2n2v2._napari.layers.geometry import axis_names, is_oblique, projected_planes
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.errors import ImageError
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.session.document import PartKey

if TYPE_CHECKING:
    from napari_m2n2v2._napari.model.workspace import Workspace

__all__ = ["describe", "no_plane"]


_MOST_CHARACTERS = 60  # of a name


def no_plane(dims: Any, image: Any) -> ImageError:
    """Return what to say when no plane of an image is shown."""
    if dims.ndisplay != 2:
        return ImageError(
            f"'{image.name}' is shown in 3-D, where a click has no plane. Switch to the 2-D view (Ctrl+Y, or the "
            "button under the layer list) and choose a slice."
        )
    if is_oblique(dims, image):
        return ImageError(
            f"The transform of '{image.name}' (affine, rotate or shear) mixes the axes on screen with those of the "
            "sliders, so what is seen is no slice of its data and a click has no place there. Reset the transform, or "
            "resample the image, or turn the axes so that those it mixes are both on screen."
        )
    return ImageError(f"No slice of '{image.name}' is shown: the sliders are beyond it. Move them to one of its own.")


def region_text(region: Region, workspace: Workspace) -> str:
    """Say which part of a large plane is worked on, and how coarse; empty for a plane that fits."""
    rows, cols = region.rows, region.cols
    part = f"rows {rows.start} to {rows.stop - 1}, columns {cols.start} to {cols.stop - 1}"
    if region.step == 1:
        return part if workspace.region is not None else ""
    share = f"1/{min(region.shape) / workspace.working_side:.2g} of its resolution"
    return f"{part} at {share}" if workspace.region is not None else f"all of it at {share}"


def _cut_off(workspace: Workspace, focus: PartKey) -> list[str]:
    """Say which objects end at the border of the part in view though they go on."""
    cuts = workspace.masks_of(focus.plane).cuts.get(focus.region, {})
    return [
        f"Object {i} is cut off at the {' and '.join(sides)} border of this part: click on it beyond, too, or zoom out."
        for i, sides in cuts.items()
    ]


def _short(name: str) -> str:
    """Leave out the middle of a long name."""
    return (
        name if len(name) <= _MOST_CHARACTERS else f"{name[: _MOST_CHARACTERS // 2]}…{name[-_MOST_CHARACTERS // 2 :]}"
    )


def describe(workspace: Workspace | None, prepared: bool = False) -> str:
    """Say in a few lines where things stand with the active image and what is shown of it, maybe prepared."""
    if workspace is None:
        return "Choose an image and press Start, then click on an object."
    focus, part = workspace.focus, workspace.part
    if focus is None:
        return str(no_plane(workspace.dims, workspace.image))
    here = focus.plane
    projected = projected_planes(workspace.dims, workspace.image, here)
    slice_name = workspace.name_of(here)
    name = ", ".join(filter(None, (_short(workspace.image.name), slice_name, region_text(focus.region, workspace))))
    lines = [f"{name}: features {workspace.state.value}"]
    if part is not None and (features := part.features) is not None:
        grid = " x ".join(str(side) for side in features.grid_shape)
        lines[0] += f", {features.backbone} {grid} ({features.chosen_because})"
        if features.guide_from:
            lines.append(f"Guide: {features.guide_from.replace('given', 'the chosen layer')}")
        lines += features.notes
        solution = part.solution
        choice = solution.result.guides.get(workspace.object_id) if solution is not None else None
        if choice is not None and features.alternatives:
            lines.append(f"Object {workspace.object_id} is guided by {choice.guides}: {choice.because}")
    if workspace.sees_beyond:
        lines.append(
            "You see more than is worked on at once: Why, preview and doubt are of this part, in the middle of the "
            "view. A click elsewhere is worked on where it is; zoom in on it to see why."
        )
    lines += _cut_off(workspace, focus)
    if projected:
        names = axis_names(workspace.dims, workspace.image)
        shown = ", ".join(f"{names[axis]} {first} to {last}".strip() for axis, (first, last) in projected.items())
        how = workspace.image.projection_mode
        lines.append(f"You see slices {shown} as one ({how}); clicks segment {slice_name} alone.")
    if workspace.state is FeatureState.STALE:
        lines.append("The image or the settings changed. Press Compute again to use them.")
    elif workspace.state is FeatureState.MISSING and (here.index or workspace.region is not None):
        what = "slice" if workspace.region is None else "part"
        to_compute = f"Click on this {what}, or press Start, to compute them."
        lines.append(f"This {what} was prepared: click on it." if prepared else to_compute)
    others = [p.key for p in workspace.parts if p.state is FeatureState.COMPUTING and p.key != focus]
    if others:
        planes = dict.fromkeys(workspace.name_of(key.plane) or "another part" for key in others)
        lines.append(f"Computing {'; '.join(planes)}.")
    if part is not None and part.computed_with is not None:
        lines.append(f"Bit depth: {part.computed_with.bit_depth}")
    return "\n".join(lines)
