"""Features that were computed once and need not be again: in memory up to a limit, then in a folder.

What is stored is what matrices are made of (:mod:`~napari_m2n2v2.features.stored`), and depth; the upsampling operator
is built again. All of it is exact, so that nothing depends on whether features came from here: ``docs/stacks.md`` has
what the alternatives would have saved.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_m2n2v2.backbones import AttentionBackbone
from napari_m2n2v2.features.compute import assemble
from napari_m2n2v2.features.disk import Arrays, FeatureFolder
from napari_m2n2v2.features.image_features import ImageFeatures
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import Depth, FeatureRequest, Transition
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.features.stored import from_entry, to_entry
from napari_m2n2v2.lru import ByteLRU
from napari_m2n2v2.method.upsampling import UpsamplingOperator
from napari_m2n2v2.parallel import Progress, silent
from napari_m2n2v2.parameters import FeatureParameters

__all__ = ["FeatureCache"]


class FeatureCache:
    """Computes features, or gives back what it has; a drop-in for :func:`~napari_m2n2v2.compute_features`.

    Parameters
    ----------
    folder : Path or str, optional
        Where to keep them between runs, made when needed: one a project, and shared by as many processes as like.
        Without it only memory is used.
    memory_bytes : int
        Most that is held in memory, by :attr:`ImageFeatures.nbytes`; the latest features are held whatever their size.
    disk_bytes : int
        Most that the folder may take; what was not used for the longest time makes room.
    notify : callable, optional
        Told, in a sentence, of entries that cannot be used and of a folder that cannot be written to; a RuntimeWarning
        otherwise. May be called from any thread that asks for features.

    Notes
    -----
    It may be used from several threads. Two that ask for the same new image at once both compute it.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        memory_bytes: int = 10**9,
        disk_bytes: int = 20 * 10**9,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        self.disk = None if folder is None else FeatureFolder(Path(folder), disk_bytes, notify)
        self.memory_bytes = memory_bytes
        # Features grow when a session asks for an operator without the guide.
        self._held: ByteLRU[tuple[str, ...], ImageFeatures] = ByteLRU(memory_bytes)
        self._holding = threading.Lock()

    def features(
        self,
        image: Any,
        attention: str | AttentionBackbone = "auto",
        guide: Any = None,
        device: str | torch.device = "auto",
        progress: Progress | None = None,
        *,
        contrast_limits: tuple[float, float] | None = None,
        parameters: FeatureParameters | None = None,
        remember: bool = True,
    ) -> ImageFeatures:
        """Return the features of an image, from memory, from disk, or computed and then kept.

        Parameters and errors are those of :func:`~napari_m2n2v2.compute_features`; and

        Parameters
        ----------
        remember : bool
            Whether to hold them in memory; without it they go to disk alone.
        """
        spec = FeatureSpec(attention, guide, device, contrast_limits, parameters or FeatureParameters())
        return self.find(FeatureRequest.of(image, spec), progress or silent, remember=remember)

    def has(self, image: Any, *asked: Any, **named: Any) -> bool:
        """Tell whether :meth:`features` would need neither attention nor depth computed; what is there counts as used.

        Parameters and errors are those of :func:`~napari_m2n2v2.compute_features`.
        """
        given = {name: value for name, value in named.items() if value is not None}
        return self.knows(FeatureRequest.of(image, FeatureSpec(*asked, **given)))

    def find(
        self,
        request: FeatureRequest,
        report: Progress,
        *,
        remember: bool = True,
        nearly: Callable[[ImageFeatures], None] | None = None,
    ) -> ImageFeatures:
        """Do what :meth:`features` does, of what was asked and checked.

        ``nearly`` is called with features that lack nothing but the upsampling operator, before it is built.
        """
        keys = FeatureKeys.of(request)
        name = _name(request, keys)
        features = self._recall(name)
        # Held since before there was a folder, they are not in it yet.
        unstored = not remember and self.disk is not None and not self.sizes_on_disk(request)
        if features is None or unstored:
            features = self._read(request, keys, report, features, nearly)
            if remember:
                self._hold(name, features)
        report(1.0, "features")
        if features.clipped != request.plane.clipped:  # another image that looks the same, once it is clipped
            features = replace(features, clipped=request.plane.clipped)
        return features

    def knows(self, request: FeatureRequest) -> bool:
        """Tell whether :meth:`find` would need neither attention nor depth computed; what is there counts as used."""
        return self._recall(_name(request, FeatureKeys.of(request))) is not None or bool(self.sizes_on_disk(request))

    def sizes_on_disk(self, request: FeatureRequest) -> dict[str, int]:
        """Return what features take in the folder, by entry; nothing unless they are whole.

        It counts as a use. Images that are the same have the same entries.
        """
        if self.disk is None:
            return {}
        sizes = {key: self.disk.size(key) for key in FeatureKeys.of(request).on_disk}
        return sizes if all(sizes.values()) else {}

    def forget(self) -> None:
        """Let go of what is held in memory; the folder is left as it is."""
        with self._holding:
            self._held.clear()

    def holds(self, features: ImageFeatures) -> bool:
        """Whether these are in memory here, so that whoever uses them needs no memory of its own for them."""
        with self._holding:
            return any(held.shares_memory_with(features) for held in self._held.values)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        with self._holding:
            return self._held.nbytes

    def _recall(self, name: tuple[str, ...]) -> ImageFeatures | None:
        with self._holding:
            return self._held.get(name)

    def _hold(self, name: tuple[str, ...], features: ImageFeatures) -> None:
        with self._holding:
            self._held.most = self.memory_bytes
            self._held.put(name, features)

    def _read(
        self,
        request: FeatureRequest,
        keys: FeatureKeys,
        report: Progress,
        held: ImageFeatures | None,
        nearly: Callable[[ImageFeatures], None] | None,
    ) -> ImageFeatures:
        """Do what :func:`~napari_m2n2v2.compute_features` does, part by part, with what is on disk or held."""
        report(0.0, "stored features")
        before = 0.3 if request.depth is not None else 0.0
        guides = request.guides(self._depth(request, keys, report))
        transition = self._transition(
            request, keys, lambda share, stage: report(before + (0.85 - before) * share, stage), held
        )
        report(0.85, "upsampling operator")
        if (operator := self._stored_operator(transition, request, keys)) is not None:
            return assemble(request, transition, guides, operator)
        features = held or assemble(request, transition, guides)
        if nearly is not None:
            nearly(features)
        features.upsampling_operator(guided=True, progress=lambda share, stage: report(0.85 + 0.14 * share, stage))
        return features

    def _stored_operator(
        self, transition: Transition, request: FeatureRequest, keys: FeatureKeys
    ) -> UpsamplingOperator | None:
        """Return the operator that version 0.1 stored, in format 1, if there is one."""
        if transition.grid_shape != request.grid_shape:  # the device was too small, and the key is not right
            return None
        if (stored := self._load(keys.operator, _OPERATOR)) is None:
            return None
        weights, unit, first_row, first_col = (stored[0][name] for name in _OPERATOR)
        return UpsamplingOperator(weights, unit, first_row, first_col)

    def _depth(self, request: FeatureRequest, keys: FeatureKeys, report: Progress) -> Depth | None:
        stored = self._load(keys.depth, (), ("came_from",)) if keys.depth else None
        if stored is not None:
            arrays, about = stored
            return Depth(arrays.get("depth"), about["came_from"])
        depth = request.read_depth(report)
        if depth is not None:
            found = {} if depth.values is None else {"depth": depth.values}  # flat, it guides nothing
            self._save(keys.depth, found, came_from=depth.came_from)
        return depth

    def _transition(
        self, request: FeatureRequest, keys: FeatureKeys, report: Progress, held: ImageFeatures | None
    ) -> Transition:
        stored = self._load(keys.transition)
        transition = None
        if stored is not None:
            transition = from_entry(*stored, request, lambda share, _: report(share, "stored features"))
        if transition is not None:
            return transition
        if held is None:
            transition = request.read_transition(report, keep=self.disk is not None)
        else:  # what it was made of is not held
            note = held.chosen_because.removeprefix(request.attention.reason)
            transition = Transition(held.transition, held.grid_shape, note)
        if self.disk is not None and transition.grid_shape == request.grid_shape:  # else the key does not say so
            backbone = request.attention.backbone
            arrays, about = to_entry(transition)
            self._save(keys.transition, arrays, **about, backbone=backbone.name, weights=backbone.weights_revision)
        return transition

    def _load(
        self, key: str, arrays: Collection[str] = (), about: Collection[str] = ()
    ) -> tuple[Arrays, dict[str, Any]] | None:
        """Return a stored entry; None if there is none that has these arrays and says these things."""
        entry = None if self.disk is None else self.disk.load(key)
        whole = entry is not None and entry[0].keys() >= set(arrays) and entry[1].keys() >= set(about)
        return entry if whole else None

    def _save(self, key: str, arrays: Arrays, **about: Any) -> None:
        if self.disk is not None:
            self.disk.save(key, {name: np.ascontiguousarray(array) for name, array in arrays.items()}, about)


_OPERATOR = ("weights", "unit", "first_row", "first_col")


def _name(request: FeatureRequest, keys: FeatureKeys) -> tuple[str, ...]:
    """Name features in memory, which are on one device and say of what shape and why they are."""
    about = request.device, request.plane.shape, request.attention.reason, request.spec.parameters
    return (*astuple(keys), *map(repr, about))
