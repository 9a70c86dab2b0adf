"""Keys, on the viewer and on the plugin's own layers, because a layer's keymap beats the viewer's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from napari_m2n2v2._napari.controller.clicks import ClickController
from napari_m2n2v2._napari.controller.looks import LooksController
from napari_m2n2v2._napari.controller.objects import ObjectController
from napari_m2n2v2._napari.controller.preview import PreviewController
from napari_m2n2v2._napari.controller.propagation import PropagationController
from napari_m2n2v2._napari.controller.similar import SimilarController

__all__ = ["KEYS", "Keys"]

KEYS = {
    "toggle": "T",
    "next_object": "N",
    "accept": "K",
    "undo": "Control-Z",
    "redo": "Control-Shift-Z",
    "preview": "H",
    "suggest": "G",
    "carry": "W",
    "carry_back": "Shift-W",
    "outline": "U",
    "accept_proposal": "J",
    "reject_proposal": "Q",
    "next_proposal": "Shift-N",
    "help": "F1",
}
"""What the plugin binds. None is a key of napari's own on the viewer or on Points; on Labels, undo stays napari's."""


_NOT_ON_LABELS = ("undo", "redo")


_WHILE_PROPOSED = ("accept_proposal", "reject_proposal", "next_proposal")


_ALWAYS = tuple(name for name in KEYS if name not in _WHILE_PROPOSED)


class Keys:
    """Binds actions to keys and takes the bindings away again.

    Parameters
    ----------
    clicks, objects, preview, propagation, looks, similar
        The controllers that do it.
    show_help : callable
        Lists the keys.
    """

    def __init__(
        self,
        clicks: ClickController,
        objects: ObjectController,
        preview: PreviewController,
        propagation: PropagationController,
        looks: LooksController,
        similar: SimilarController,
        show_help: Callable[[], None],
    ) -> None:
        self._actions: dict[str, Callable[[], None]] = {
            "toggle": clicks.toggle,
            "next_object": objects.next,
            "accept": objects.toggle_accepted,
            "undo": clicks.undo,
            "redo": clicks.redo,
            "preview": preview.toggle,
            "suggest": preview.suggest,
            "carry": propagation.propagate_on,
            "carry_back": propagation.propagate_back,
            "outline": looks.toggle_outline,
            "accept_proposal": similar.accept,
            "reject_proposal": similar.reject,
            "next_proposal": similar.next,
            "help": show_help,
        }
        self._bound: list[tuple[Any, str, Any]] = []
        self._deciding: list[tuple[Any, str, Any]] = []  # those that decide of proposals
        self._decided_on: tuple[Any, ...] = ()

    def bind_viewer(self, viewer: Any) -> None:
        """Bind all keys on a viewer but those that decide of proposals."""
        self._bound += self._bind(viewer, _ALWAYS)

    def bind_layers(self, workspace: Any) -> None:
        """Bind keys on the layers of a workspace; not undo on Labels, where it takes back what the user painted."""
        self._bound += self._bind(workspace.points, _ALWAYS)
        self._bound += self._bind(workspace.labels, [name for name in _ALWAYS if name not in _NOT_ON_LABELS])

    def decide_on(self, *targets: Any) -> None:
        """Bind the keys that decide of proposals on these, and on nothing else; on nothing while there are none."""
        if targets != self._decided_on:
            _take_away(self._deciding)
            self._decided_on = targets
            self._deciding = [bound for target in targets for bound in self._bind(target, _WHILE_PROPOSED)]

    def release(self) -> None:
        """Take all bindings away and put back what was there before."""
        self.decide_on()
        _take_away(self._bound)

    def _bind(self, target: Any, names: Iterable[str]) -> list[tuple[Any, str, Any]]:
        bound = []
        for name in names:
            key = KEYS[name]
            before = next((found for bound, found in target.keymap.items() if str(bound) == _as_shown(key)), None)
            target.bind_key(key, self._press(name), overwrite=True)
            bound.append((target, key, before))
        return bound

    def _press(self, name: str) -> Callable[[Any], None]:
        def press(target: Any) -> None:
            self._actions[name]()

        return press


def _take_away(bound: list[tuple[Any, str, Any]]) -> None:
    for target, key, before in reversed(bound):
        target.bind_key(key, before, overwrite=True)
    bound.clear()


def _as_shown(key: str) -> str:
    return key.replace("Control", "Ctrl").replace("-", "+")
