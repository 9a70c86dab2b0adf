"""The list of proposals: where each is, how certain, and why; keys and a menu to decide."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QPoint, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from napari_m2n2v2._napari.controller.similar import SimilarController
from napari_m2n2v2._napari.model.proposed import Found
from napari_m2n2v2._napari.view.keys import KEYS

__all__ = ["ProposalList"]

_COLUMNS = ("Where", "Certain", "Why")
_LINES = 7


class _Rows(QAbstractTableModel):  # type: ignore[misc]
    """What the list shows; made anew at once, however many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[Found, ...] = ()

    def show(self, found: tuple[Found, ...]) -> None:
        self.beginResetModel()
        self.found = found
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 (Qt's name)
        return len(self.found) if parent is None or not parent.isValid() else 0

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 (Qt's name)
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802 (Qt's name)
        is_title = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return _COLUMNS[section] if is_title else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        found = self.found[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return found.proposal.why.text
        return (place_text(found), f"{found.certainty:.0%}", found.proposal.why.text)[index.column()]


class ProposalList(QTableView):  # type: ignore[misc]
    """Lists the proposals that are shown, the least certain first; choosing one goes to it.

    Parameters
    ----------
    similar : SimilarController
        Knows them, and decides.
    """

    own_keys = ("accept_proposal", "reject_proposal", "next_proposal")

    def __init__(self, similar: SimilarController) -> None:
        super().__init__()
        self._similar = similar
        self.rows = _Rows()
        self.setModel(self.rows)
        self.setAccessibleName("Proposals, the least certain first")
        self.setToolTip(
            "What is proposed, the least certain first; choosing one goes to it.\n"
            "Certain: how many such proposals were right where that was measured.\n"
            "J accepts, Q rejects what is chosen here, Shift+N goes on; so does the menu of a right click"
        )
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 4)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setStyleSheet("QHeaderView::section { padding: 1px 2px; }")
        self.horizontalHeader().setHighlightSections(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab goes on to what is below
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        self.setFixedHeight(_LINES * (self.fontMetrics().height() + 4))
        self.selectionModel().currentRowChanged.connect(self._go)

    @property
    def chosen(self) -> tuple[Found, ...]:
        """The proposals whose rows are selected."""
        return tuple(self.rows.found[index.row()] for index in self.selectionModel().selectedRows())

    def refresh(self) -> None:
        """Show what is proposed now, and which one is looked at."""
        present = self._similar.present
        shown = self._similar.shown
        current = present.current if present is not None else None
        selection = self.selectionModel()
        selection.blockSignals(True)
        try:
            if shown != self.rows.found:
                self.rows.show(shown)
            if current not in shown:
                selection.clear()
            elif current not in self.chosen:
                flags = QItemSelectionModel.SelectionFlag
                at = self.rows.index(shown.index(current), 0)
                selection.setCurrentIndex(at, flags.ClearAndSelect | flags.Rows)
                self.scrollTo(at)
        finally:
            selection.blockSignals(False)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Decide by the keys of the canvas, and go to what is chosen by Enter."""
        shift = "Shift-" if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else ""
        calls = {
            KEYS["accept_proposal"]: lambda: self._similar.accept(self.chosen),
            KEYS["reject_proposal"]: lambda: self._similar.reject(self.chosen),
            KEYS["next_proposal"]: self._similar.next,
            "Return": self._go_to_chosen,
            "Enter": self._go_to_chosen,
        }
        if (call := calls.get(shift + QKeySequence(event.key()).toString())) is not None:
            call()
        else:
            super().keyPressEvent(event)

    def menu(self) -> QMenu:
        """Make the menu of the chosen rows."""
        menu, chosen = QMenu(self), self.chosen
        for text, call in (
            ("Go to it\tEnter", self._go_to_chosen),
            ("Accept\tJ", lambda: self._similar.accept(chosen)),
            ("Reject\tQ", lambda: self._similar.reject(chosen)),
        ):
            action = menu.addAction(text)
            action.setEnabled(bool(chosen))
            action.triggered.connect(lambda _=False, call=call: call())
        return menu

    def _show_menu(self, at: QPoint) -> None:
        self.menu().popup(self.viewport().mapToGlobal(at))

    def _go(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid():
            self._similar.go_to(self.rows.found[now.row()])

    def _go_to_chosen(self) -> None:
        if chosen := self.chosen:
            self._similar.go_to(chosen[0])


def place_text(found: Found) -> str:
    """Say where a proposal is: slice, row, column."""
    row, col = found.proposal.seed
    where = ", ".join(map(str, found.plane.index))
    return f"{where}: {row}, {col}" if where else f"{row}, {col}"
