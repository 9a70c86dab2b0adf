"""Find similar: what to find others like, how certain what is shown must be, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_m2n2v2._napari.controller.similar import SimilarController
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.model.proposed import Found, Proposed
from napari_m2n2v2._napari.view.proposals import ProposalList
from napari_m2n2v2._napari.view.qt import follow, make_button
from napari_m2n2v2._napari.view.text import TextLabel

__all__ = ["SimilarPanel", "advice_text"]

_CUES = {"colour and texture": "both", "colour": "colour", "texture": "texture"}
_FEW = 4  # objects that are named


class SimilarPanel(QWidget):  # type: ignore[misc]
    """A button that looks for them; what is found below it, as long as there is any.

    Parameters
    ----------
    state : DockState
        Whose objects are examples.
    similar : SimilarController
        Looks for others, and decides.
    chosen : callable
        Returns the objects that are chosen in the table.
    """

    def __init__(self, state: DockState, similar: SimilarController, chosen: Callable[[], list[int]]) -> None:
        super().__init__()
        self._state = state
        self._similar = similar
        self._chosen = chosen
        self.find = make_button("Find similar", "", self._on_find)
        self.where = QComboBox()
        self.where.addItem("in this slice", False)
        self.where.addItem("in all slices", True)
        self.where.setToolTip("Where to look; the examples may be in any slice")
        self.cues = QComboBox()
        for text, cues in _CUES.items():
            self.cues.addItem(f"by {text}", cues)
        self.cues.setToolTip("What objects are told from the rest by")
        self.examples = TextLabel()
        self.advice = TextLabel()
        self.found = QWidget()
        self._build_found(similar)
        self.clear = make_button(
            "Clear", "Take the proposals away, and forget what was rejected; objects stay", similar.clear
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.examples)
        row = QHBoxLayout()
        row.addWidget(self.find, 1)
        row.addWidget(self.cues)
        row.addWidget(self.clear)
        column.addLayout(row)
        column.addWidget(self.where)
        column.addWidget(self.advice)
        column.addWidget(self.found)
        follow(self.refresh, similar.changed)
        follow(self.show_examples, state.activated, state.clicks_changed, state.solved, state.selected, state.moved)
        self.refresh()

    def _build_found(self, similar: SimilarController) -> None:
        """Build what is there while there are proposals."""
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setToolTip("Certainty of what is shown: hides those that are less certain, and computes nothing")
        self.slider.valueChanged.connect(lambda percent: similar.set_certainty(percent / 100))
        self.least = QLabel()
        self.count = TextLabel()
        self.list = ProposalList(similar)
        self.accept = make_button(
            "Accept (J)", "Make it an object that keeps these pixels, and go to the next", self._decide(similar.accept)
        )
        self.reject = make_button(
            "Reject (Q)", "It is none: what looks like it is not proposed again", self._decide(similar.reject)
        )
        self.next = make_button("Next", "Go to the next, the least certain first (Shift+N)", similar.next)
        self.accept_shown = make_button(
            "Accept all shown", "Make objects of all that are shown: one step to undo", similar.accept_shown
        )
        certainty = QHBoxLayout()
        certainty.addWidget(QLabel("Certainty"))
        certainty.addWidget(self.slider, 1)
        certainty.addWidget(self.least)
        column = QVBoxLayout(self.found)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(certainty)
        column.addWidget(self.count)
        row = QHBoxLayout()
        for button in (self.accept, self.reject, self.next):
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addWidget(self.accept_shown)
        column.addWidget(self.list)

    def refresh(self) -> None:
        """Show what is proposed."""
        present = self._similar.present
        shown = self._similar.shown
        some = present is not None and bool(present.open)
        self.found.setVisible(some)
        said = advice_text(present, self._similar.is_finding)
        self.advice.setVisible(bool(said))
        self.advice.setText(said)
        if present is not None:
            self.count.setText(f"{len(shown)} shown of {len(present.open)}")
            percent = round(100 * present.at_least)
            self.least.setText(f"{percent} %")
            if self.slider.value() != percent:
                self.slider.setValue(percent)
        for button in (self.accept, self.reject, self.next, self.accept_shown):
            button.setEnabled(bool(shown))
        self.list.refresh()
        self.show_examples()

    def show_examples(self) -> None:
        """Say which objects are the examples."""
        workspace = self._state.active
        ids = self._similar.examples(self._example_ids())
        self.find.setEnabled(bool(ids) and not self._similar.is_finding)
        present = self._similar.present
        again = present is not None and present.was_searched
        self.clear.setVisible(present is not None)
        self.find.setText("Find again" if again else "Find similar")
        self.find.setToolTip(
            "Propose all objects that look like the examples, but not what was rejected or looks like it"
            if again
            else "Propose all objects that look like the examples"
        )
        self.where.setVisible(workspace is not None and len(workspace.stack) > 1)
        self.examples.setText(_examples_text(ids))

    def find_like(self, object_ids: Sequence[int]) -> None:
        """Look for objects like these."""
        self._similar.find(object_ids, all_planes=self._all_planes, cues=self.cues.currentData())

    @property
    def _all_planes(self) -> bool:
        return bool(self.where.currentData()) and self.where.isVisibleTo(self)

    def _on_find(self) -> None:
        self.find_like(self._example_ids())

    def _example_ids(self) -> list[int]:
        """Return the rows chosen together; one alone is only the object that the next click is of."""
        chosen = self._chosen()
        return chosen if len(chosen) > 1 else []

    def _decide(self, call: Callable[[Sequence[Found]], None]) -> Callable[[], None]:
        return lambda: call(self.list.chosen)


def _examples_text(ids: Sequence[int]) -> str:
    if not ids:
        return "Click on one to three typical objects first: others like them are found."
    if len(ids) == 1:
        return f"Example: object {ids[0]}"
    named = f"{', '.join(map(str, ids[:-1]))} and {ids[-1]}" if len(ids) <= _FEW else f"{len(ids)}"
    return f"Examples: objects {named}" if len(ids) <= _FEW else f"Examples: {named} objects"


def advice_text(present: Proposed | None, is_finding: bool) -> str:
    """Say what to do with what was found, by what the engine measured of it.

    Parameters
    ----------
    present : Proposed or None
        What was found.
    is_finding : bool
        Whether more is to come.
    """
    if is_finding:
        return "Looking for more…"
    if present is None or not present.was_searched:
        return ""
    if not present.found:
        return "Nothing like the examples was found here."
    if not present.open:
        return "All are decided."
    if not (shown := present.shown):
        return "All are hidden: lower the certainty."
    right = sum(one.certainty for one in shown) / len(shown)
    said = (
        "Check each, many may be wrong"
        if present.advice == "check each"
        else "Check the least certain, accept the rest"
    )
    return f"{said}: about {right:.0%} are likely right."
