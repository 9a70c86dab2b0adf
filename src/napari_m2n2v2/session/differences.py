"""In what masks are not as they were when a session file was written, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from napari_m2n2v2.images.masks import Masks, as_known
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import Document, Outcome, Place, PlaneKey, plane_text
from napari_m2n2v2.session.provenance import software

__all__ = ["differences", "differences_in_words"]

_MOST_LINES = 12


_OTHER_START = "what objects start from: not the masks of the saved session"


def differences(
    then: Outcome | None, now: Outcome | None, versions: Mapping[str, str], also: Sequence[str] = ()
) -> list[str]:
    """Say why the masks of a part are not the same as they were, bit for bit; nothing when they are.

    Parameters
    ----------
    then, now : Solution, Fingerprint or None
        What came of its clicks; None where that was, or is, still to come.
    versions : mapping
        Of Python and of the packages that computed then.
    also : sequence of str
        What else is known to differ.
    """
    if then is None or now is None:
        return ["masks: they were not there when the file was written, or are not there now"]
    if then.labels_sha256 == now.labels_sha256:
        return []
    here = software()
    said = [*then.provenance.differences(now.provenance), *also]
    said += [f"{name}: was {was}, is {here.get(name)}" for name, was in versions.items() if was != here.get(name)]
    return said or ["masks: same inputs and versions, so another processor or number of threads"]


def differences_in_words(then: Document, now: Document, axis_names: Sequence[str] = ()) -> str:
    """Say in what an image is not as it was; ``axis_names`` are of all its axes, as :func:`plane_text` takes them."""
    known = [place for place, outcome in then.solutions.items() if outcome is not None and now.solutions.get(place)]
    lines = list(_by_place(then, now, known, axis_names))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more"]
    if lines:
        lines.insert(0, "The masks differ from the saved ones:")
    elif known:
        lines.append("The masks are the same, bit for bit.")
    if unknown := len(then.solutions) - len(known):
        lines.append(
            f"{unknown} of {len(then.solutions)} slices or parts cannot be compared: their masks were not there when "
            "it was saved, or are not now."
        )
    return "\n".join(lines)


def _by_place(then: Document, now: Document, places: Sequence[Place], axis_names: Sequence[str]) -> Iterator[str]:
    """Go through what differs in all of these, each line with where that is."""
    before, rules = then.segmentation_parameters, now.segmentation_parameters
    was_is = [(f.name, getattr(before, f.name), getattr(rules, f.name)) for f in fields(before)]
    other_rules = [f"{name}: was {was}, is {is_now} in the dock" for name, was, is_now in was_is if was != is_now]
    for place in places:
        plane = place[0]
        also = [*other_rules, *(() if _alike(_starts_in(then, plane), _starts_in(now, plane)) else (_OTHER_START,))]
        where = f"{plane_text(plane, axis_names)}, " if len(then.solutions) > 1 and plane.index else ""
        for line in differences(then.solutions[place], now.solutions[place], then.versions, also):
            yield where + line


def _starts_in(document: Document, plane: PlaneKey) -> dict[int, Boxed]:
    return {one.object_id: one.pixels for one in document.starts if one.plane == plane}


def _alike(then: Masks, now: Masks) -> bool:
    return as_known(now, then) == dict(then)
