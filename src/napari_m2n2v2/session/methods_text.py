"""A session in the words of a methods section."""

from __future__ import annotations

from napari_m2n2v2.session.document import Document
from napari_m2n2v2.session.provenance import Provenance
from napari_m2n2v2.session.session import Session

__all__ = ["methods_paragraph"]


def methods_paragraph(session: Session | Document) -> str:
    """Describe a session, or all of a stack, in the words of a methods section, ready to paste into a paper."""
    file = Document.of(session) if isinstance(session, Session) else session
    background = sum(not click.foreground for click in file.clicks)
    carried = sum(placed.carried for placed in file.placed)
    ids = {*(click.object_id for click in file.clicks), *(one.object_id for one in file.starts)}
    objects = _count(len(ids), "object")
    placed = f"{_count(len(file.clicks) - background, 'foreground click')} and {_count(background, 'background click')}"
    if carried:
        placed += f", {carried} of which were placed by propagation from slice to slice,"
    if file.starts:
        origins = " and ".join(dict.fromkeys(one.origin for one in file.starts))
        placed = f"{_count(len(file.starts), 'mask')} to start from, placed by {origins}, and {placed}"
    where = f"an image of {' x '.join(map(str, file.shape))} pixels"
    if len(file.solutions) > 1:
        where = f"{len(file.solutions)} slices or parts of {where}"
    parameters = file.segmentation_parameters
    said = (
        f"{objects} in {where} were segmented interactively with {placed} using "
        f"{'M2N2V2' if parameters.score_adaptive else 'M2N2'} (Markov-map nearest neighbour; arXiv:2503.16254; "
        f"tau {parameters.tau}, sigma_adaptive {parameters.sigma_adaptive}{_beyond_the_paper(file)}) "
        "as implemented in napari-m2n2v2. "
        "No model was trained. "
    )
    known = [outcome.provenance for outcome in file.solutions.values() if outcome is not None]
    if known:
        sources = dict.fromkeys(_source_in_words(provenance) for provenance in known)
        images = ", ".join(dict.fromkeys(provenance.image_sha256[:16] for provenance in known[:3]))
        said += f"Self-attention came from {'; and from '.join(sources)}. "
        said += f"Image SHA-256 {images}{' and others' if len(known) > 3 else ''}; "
    return said + ", ".join(f"{name} {number}" for name, number in file.versions.items()) + "."


def _beyond_the_paper(file: Document) -> str:
    parameters = file.segmentation_parameters
    in_parts = parameters.score_adaptive and not parameters.prior_at_start and _has_parts(file)
    steps = {
        "the prior for first clicks": parameters.prior_at_start,
        "the prior for first clicks in parts of the image": in_parts,  # see session.tiled
        "the image's contrast in the score of first clicks": parameters.score_contrast,
        "a centred start state": parameters.centred_start,
        "r from the boundary": parameters.boundary_distance,
        "least discs": parameters.least_disc,
        f"outlines refined within {parameters.refinement_band:g} cells": parameters.refinement,
    }
    taken = [step for step, on in steps.items() if on]
    return f"; beyond the paper: {', '.join(taken)}" if taken else ""


def _has_parts(file: Document) -> bool:
    return any(
        region is not None and region.shape != tuple(file.shape[axis] for axis in plane.axes)
        for plane, region in file.solutions
    )


def _source_in_words(provenance: Provenance) -> str:
    revision = f" ({provenance.weights_revision})" if provenance.weights_revision else ""
    rows, cols = provenance.grid_shape
    cells = f"a grid of {rows} x {cols} cells, temperature {provenance.parameters.temperature:g}"
    return f"{provenance.backbone}{revision} on {cells}, {provenance.guide}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
