"""What to do next, in a line."""

from __future__ import annotations

import math

from napari_m2n2v2._napari.layers.geometry import axis_names, is_oblique, projected_planes
from napari_m2n2v2._napari.layers.labels import PlaneMasks
from napari_m2n2v2._napari.model.dock_state import Slip
from napari_m2n2v2._napari.model.workspace import Workspace
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.prompts import Box, Outline, Prompt
from napari_m2n2v2.session.document import PartKey
from napari_m2n2v2.session.effects import effect_in_words

__all__ = ["check_shown", "next_step"]


def check_shown(workspace: Workspace) -> None:
    """Say what to do when no plane of the image is shown, where something is done to it.

    Raises
    ------
    Slip
    """
    if workspace.here is None:
        raise Slip(_to_see(workspace))


def next_step(
    workspace: Workspace | None,
    foreground: bool = True,
    images: int = 1,
    *,
    by_view: bool = False,
    not_started: str = "",
) -> str:
    """Say what to do next.

    Parameters
    ----------
    workspace : Workspace or None
        What is worked on, if anything is.
    foreground : bool
        What the next left click means.
    images : int
        How many Image layers there are.
    by_view : bool
        Whether the one that is chosen, and not begun with, will be worked on by the field of view.
    not_started : str
        Name of an image that the user turned to meanwhile, if any.
    """
    if not_started:
        return f"'{not_started}' is not started: press Start."
    if workspace is None:
        return _to_begin(images, by_view)
    if (focus := workspace.focus) is None:
        return _to_see(workspace)
    return (
        _waiting(workspace, focus)
        or _seen_otherwise(workspace, focus)
        or _cut_off(workspace, focus)
        or _to_click(workspace, focus, foreground)
    )


def _to_begin(images: int, by_view: bool) -> str:
    if images == 0:
        return "Open an image first: File > Open Files, or File > Open Sample."
    if images == 1 and by_view:
        return "Zoom in on an object and click on it. The first click in each part takes a while."
    return "Click on an object." if images == 1 else "Choose an image and press Start."


def _to_see(workspace: Workspace) -> str:
    dims, image = workspace.dims, workspace.image
    if dims.ndisplay != 2:
        return "Go back to the 2-D view (Ctrl+Y) to click."
    if is_oblique(dims, image):
        return "Its transform mixes the axes of screen and sliders: reset it, or turn them."
    return "The sliders are beyond the image: move them to a slice of it."


def _waiting(workspace: Workspace, focus: PartKey) -> str:
    if workspace.state is FeatureState.STALE:
        return "The image or the settings changed: Compute again uses them."
    if workspace.state is not FeatureState.COMPUTING or workspace.features is not None:
        return ""
    # Clicks that were placed in parts which overlap this one have their masks from there.
    solved = {click for clicks in workspace.masks_of(focus.plane).solved.values() for click in clicks}
    count = sum(click not in solved for click in workspace.clicks)
    if not count:
        return "Click on an object; its mask comes with the features."
    return f"{count} click{'' if count == 1 else 's'} wait{'s' if count == 1 else ''} for features."


def _seen_otherwise(workspace: Workspace, focus: PartKey) -> str:
    projected = projected_planes(workspace.dims, workspace.image, focus.plane)
    if not projected:
        return ""
    names = axis_names(workspace.dims, workspace.image)
    shown = ", ".join(f"{names[axis]} {first} to {last}".strip() for axis, (first, last) in projected.items())
    return f"You see slices {shown} as one; clicks segment {workspace.name_of(focus.plane)} alone."


def _cut_off(workspace: Workspace, focus: PartKey) -> str:
    sides = workspace.masks_of(focus.plane).cuts.get(focus.region, {}).get(workspace.object_id)
    if not sides:
        return ""
    return f"Object {workspace.object_id} goes on at the {' and '.join(sides)}: click on it there, or zoom out."


def _to_click(workspace: Workspace, focus: PartKey, foreground: bool) -> str:
    if not foreground:
        return "Click on what is not the object (T: back to foreground)."
    if (seconds := workspace.seconds) and seconds >= 1 and workspace.state is FeatureState.MISSING:
        what = "part" if workspace.region is not None else "slice" if focus.plane.index else "image"
        return f"Click on an object: the first mask in this {what} takes about {seconds:.0f} s."
    clicks = workspace.clicks_of(focus.plane, workspace.object_id)
    if not clicks and workspace.object_id not in workspace.work.starts_in(focus.plane):
        return "Click on another object." if workspace.about.said else "Click on an object."
    if workspace.object_id in workspace.about.kept:
        return f"Object {workspace.object_id} is kept as it is; another click for it, or K, opens it. N: next object."
    if workspace.features is not None and workspace.solution is None:
        return "The mask is being computed (right after installing, code is compiled first)."
    onward = " W: to the next slice." if focus.plane.index else ""
    said, acted = _effect(workspace, focus)
    if not acted:
        return said
    has_box = bool(clicks) and isinstance(clicks[-1], (Box, Outline))
    following = "The next box is the next object." if has_box else "N: next object."
    return f"{said}Right-click what is not it, click what is missing.{onward} {following}"


def _effect(workspace: Workspace, focus: PartKey) -> tuple[str, bool]:
    """Say what the newest change did to the present object, empty while it is being solved, or why it did nothing.

    Returns
    -------
    str
        Of the masks layer, whatever was done: a click, one dragged or flipped, undo.
    bool
        Whether it may have changed something.
    """
    result = workspace.solution.result if workspace.solution is not None else None
    clicks, object_id, masks = workspace.clicks, workspace.object_id, workspace.masks_of(focus.plane)
    if result is None or not clicks or result.clicks != tuple(map(focus.region.into, clicks)):
        return "", True
    newest = result.last_effect if clicks[-1].object_id == object_id else None
    plane, before = workspace.areas_before or (None, {})
    more = masks.areas.get(object_id, 0) - before.get(object_id, 0) if plane == focus.plane else 0
    own = len(clicks[-1].marked) * math.ceil(math.prod(result.shape) / math.prod(result.working_shape))
    claims_itself = newest is not None and not newest.acted and abs(more) <= own
    if more and not claims_itself:
        sign = "+" if more > 0 else "\N{MINUS SIGN}"
        others = " and ".join(map(str, newest.took_from)) if newest is not None and more > 0 else ""
        return f"{sign}{abs(more)} px{f', taken from object {others}' if others else ''}. ", True
    if newest is None or (object_id in masks.changed and not claims_itself):
        return "", True
    if (label := _protected_below(clicks[-1], masks)) is not None:
        said, then = f"nothing: on protected label {label}", " More > Take over makes it an object."
    elif newest.acted:
        return "", True
    else:
        said, then = effect_in_words(len(clicks) - 1, clicks, newest), ""
    return f"{type(clicks[-1]).__name__} {len(clicks)} changed {said}.{then}", False


def _protected_below(click: Prompt, masks: PlaneMasks) -> int | None:
    """Return the label from before that a click or scribble begins on, if there is one."""
    if not (click.foreground and click.marked):
        return None
    row, col = click.pixel(masks.shape)
    pixel = row, row + 1, col, col + 1
    return int(masks.shown_in(pixel)[0, 0]) if masks.protected_in(pixel)[0, 0] else None
