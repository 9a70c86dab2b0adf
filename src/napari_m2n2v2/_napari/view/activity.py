"""One progress bar and one Cancel for everything that runs, always in view."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from napari_m2n2v2._napari.controller.activity import ActivityController
from napari_m2n2v2._napari.view.qt import follow, make_button

__all__ = ["ActivityBar"]


class ActivityBar(QWidget):  # type: ignore[misc]
    """Names what runs and where, and stops it.

    Parameters
    ----------
    activity : ActivityController
        Knows what runs.
    """

    def __init__(self, activity: ActivityController) -> None:
        super().__init__()
        self._activity = activity
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.bar.setAccessibleName("What is running")
        self.bar.setMinimumWidth(8 * self.fontMetrics().height())
        self.bar.installEventFilter(self)
        self.cancel = make_button("Cancel", "Stop what the bar names; what is done stays", self._on_cancel)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        follow(self.refresh, activity.changed)
        self.refresh()

    def refresh(self) -> None:
        """Show what runs now."""
        task = self._activity.present
        self.cancel.setEnabled(task is not None)
        text = "" if task is None else f"{task.what} {task.share:.0%}"
        self.bar.setValue(0 if task is None else round(100 * task.share))
        self.bar.setToolTip(text or "Nothing is running")
        metrics = self.bar.fontMetrics()
        room = self.bar.width() - metrics.height()
        self.bar.setFormat(metrics.elidedText(text, Qt.TextElideMode.ElideRight, room))

    def eventFilter(self, bar: QObject, event: QEvent) -> bool:  # noqa: N802 (Qt's name)
        """Elide anew where there is other room or another font."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.FontChange):
            self.refresh()
        return bool(super().eventFilter(bar, event))

    def _on_cancel(self) -> None:
        if (task := self._activity.present) is not None:
            task.cancel()
        self.refresh()
