"""Keys, on the viewer and on the plugin's own layers, because a layer's keymap beats the viewer's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["KEYS", "Keys"]

KEYS = {
    "toggle": "T",
    "next_object": "N",
    "undo": "Control-Z",
    "redo": "Control-Shift-Z",
}
"""What the plugin binds. None is a key of napari's own on the viewer or on Points; on Labels, undo stays napari's."""

_ON_LABELS = ("toggle", "next_object")


class Keys:
    """Binds actions to keys and takes the bindings away again.

    Parameters
    ----------
    actions : object
        Has a method for every name in :data:`KEYS`.
    """

    def __init__(self, actions: Any) -> None:
        self._actions = actions
        self._bound: list[tuple[Any, str, Any]] = []

    def bind_viewer(self, viewer: Any) -> None:
        """Bind all keys on a viewer."""
        self._bind(viewer, KEYS)

    def bind_points(self, points: Any) -> None:
        """Bind all keys on a Points layer of ours."""
        self._bind(points, KEYS)

    def bind_labels(self, labels: Any) -> None:
        """Bind keys on a Labels layer of ours, but not undo and redo, which take back what the user painted."""
        self._bind(labels, _ON_LABELS)

    def release(self) -> None:
        """Take all bindings away and put back what was there before."""
        for target, key, before in reversed(self._bound):
            target.bind_key(key, before, overwrite=True)
        self._bound.clear()

    def _bind(self, target: Any, names: Any) -> None:
        for name in names:
            key = KEYS[name]
            before = next((found for bound, found in target.keymap.items() if str(bound) == _pretty(key)), None)
            target.bind_key(key, self._press(name), overwrite=True)
            self._bound.append((target, key, before))

    def _press(self, name: str) -> Callable[[Any], None]:
        def press(target: Any) -> None:
            getattr(self._actions, name)()

        return press


def _pretty(key: str) -> str:
    return key.replace("Control", "Ctrl").replace("-", "+")
