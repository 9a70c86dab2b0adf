"""Seeing why: what a result came from, computed from the maps that a session has already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_m2n2v2.errors import ClickError
from napari_m2n2v2.images.deepest import deepest
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.method.markov import start_state_over
from napari_m2n2v2.method.nearest_neighbour import nearest_click, scale
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.seed import working_seed
from napari_m2n2v2.session.segmentation import Segmentation, maps_as_scored, score_of_click
from napari_m2n2v2.session.session import Session

__all__ = [
    "ScoreCurve",
    "attention_from",
    "clearness",
    "guide_seen",
    "margin",
    "markov_map_of",
    "nearest_of_each_class",
    "owner",
    "score_curve_of",
    "suggest_click",
]

Floats = NDArray[np.float32]


_DOUBTFUL = 0.2


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """The score of every candidate threshold of one click (Eq. 6).

    Parameters
    ----------
    thresholds, scores : ndarray
        ``[K]`` float32, thresholds ascending.
    chosen : float
        The threshold in use.
    """

    thresholds: Floats
    scores: Floats
    chosen: float


def markov_map_of(session: Session, index: int) -> Floats:
    """Return the depth-guided Markov-map of click ``index``: float32 ``[H, W]`` in ``[0, 1]``, 0 at the click."""
    seed = working_seed(_click(session, index), session.features)
    object_id = session.clicks[index].object_id
    return at_resolution(session.map_at(seed, object_id).values, session.features.shape)


def attention_from(session: Session, index: int) -> Floats:
    """Return where click ``index`` attends: one step of the chain from it, float32 ``[H, W]``, its maximum 1.

    Raises
    ------
    ClickError
        If it is a box or an outline.
    """
    features = session.features
    seed = working_seed(_click(session, index), features)
    if not seed.pixels:
        raise ClickError(
            "A box, or an outline, marks no pixel that attention could be looked at from: ask about a click."
        )
    height, width = features.image.shape[:2]
    device, centred = features.transition.device, session.parameters.centred_start
    state = start_state_over(seed.pixels, (height, width), features.grid_shape, device, centred=centred)
    attended = (state.reshape(-1) @ features.transition).reshape(features.grid_shape).cpu().numpy()
    return at_resolution(attended / attended.max(), features.shape)


def guide_seen(session: Session) -> Floats | None:
    """Return the guide as the engine sees it, float32 ``[H, W]`` in ``[0, 1]``, or None."""
    guide = session.features.guide
    return None if guide is None else at_resolution(guide, session.features.shape)


def owner(session: Session) -> NDArray[np.int32]:
    """Return which click decides each pixel: int32 ``[H, W]``, click index + 1, 0 where none reaches (Eq. 11).

    With several objects, the nearest click of all of them. Of the clicks alone: outlines that were refined may differ.
    """
    if not session.clicks:
        return np.zeros(session.features.shape, dtype=np.int32)
    maps = [session.map_at(working_seed(click, session.features), click.object_id).values for click in session.clicks]
    nearest, distance = nearest_click(maps, session.result.thresholds)
    return at_resolution(np.where(distance <= 1, nearest + 1, 0).astype(np.int32), session.features.shape)


def margin(session: Session, object_id: int) -> Floats:
    """Return how clearly each pixel is in or out of an object: float32 ``[H, W]`` from -1 (out) to 1 (in), 0 in doubt.

    ``(b - f) / (b + f)``, where f is the scaled distance to the nearest foreground click and b that to the nearest
    background click, or to the truncation at 1 where that is nearer (Eq. 12). It is of the clicks alone, so that beside
    a refined outline its sign and the mask may differ.

    Parameters
    ----------
    session : Session
        With at least one click of that object.
    object_id : int
        Which object.

    Raises
    ------
    ClickError
        If the object has no clicks.
    """
    inside, outside = nearest_of_each_class(session, _object(session, object_id))
    return at_resolution(clearness(inside, outside), session.features.shape)


def nearest_of_each_class(session: Session, found: Segmentation) -> tuple[Floats, Floats]:
    """Return the scaled distance to the nearest foreground and to the nearest background click of an object.

    Parameters
    ----------
    session : Session
        That solved it.
    found : Segmentation
        The object.

    Returns
    -------
    inside, outside : ndarray
        ``[H', W']`` float32 at working resolution; 1e6 where there is no such click.
    """
    features = session.features
    inside, outside = (np.full(features.image.shape[:2], 1e6, dtype=np.float32) for _ in range(2))
    for click, threshold in zip(found.clicks, found.thresholds, strict=True):
        nearest = inside if click.foreground else outside
        values = session.map_at(working_seed(click, features), click.object_id).values
        np.minimum(nearest, scale(values, threshold), out=nearest)
    return inside, outside


def clearness(inside: Floats, outside: Floats) -> Floats:
    """Return the margin that distances to the nearest foreground and background click give, see :func:`margin`."""
    beyond = np.minimum(outside, np.float32(1))
    clear: Floats = np.divide(beyond - inside, np.maximum(beyond + inside, np.float32(1e-12)), dtype=np.float32)
    return clear


def suggest_click(margins: Floats) -> tuple[int, int] | None:
    """Return the deepest pixel of the largest doubtful region, (row, col), or None where nothing is in doubt.

    Parameters
    ----------
    margins : ndarray
        What :func:`margin` returned.
    """
    regions, count = label(np.abs(margins) < _DOUBTFUL)
    if not count:
        return None
    largest = np.argmax(np.bincount(regions.ravel())[1:]) + 1
    return deepest(regions == largest)


def score_curve_of(session: Session, index: int) -> ScoreCurve:
    """Return the score curve of click ``index``, among all clicks of its object."""
    click = _click(session, index)
    found = _object(session, click.object_id)
    i = sum(other.object_id == click.object_id for other in session.clicks[:index])
    seeds = [working_seed(other, session.features) for other in found.clicks]
    maps = maps_as_scored([session.map_at(seed, click.object_id) for seed in seeds], found.radii)
    scores = score_of_click(i, maps, seeds, found.clicks, found.ceilings, found.discarded, session.parameters)
    return ScoreCurve(maps[i].candidates.values, scores, found.thresholds[i])


def _click(session: Session, index: int) -> Prompt:
    if not 0 <= index < len(session.clicks):
        raise ClickError(f"There is no click {index}: this session has {len(session.clicks)}, counted from 0.")
    return session.clicks[index]


def _object(session: Session, object_id: int) -> Segmentation:
    found = session.result.objects.get(object_id)
    if found is None or not found.clicks:
        raise ClickError(f"Object {object_id} has no clicks.")
    return found
