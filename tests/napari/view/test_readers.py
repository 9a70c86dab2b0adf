"""The dock without a mouse and without eyes: Tab reaches every control, and each has a name."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QWidget
from superqt import QCollapsible


def controls(widget):
    """What can be reached by Tab, without the parts that Qt makes controls of."""
    for one in widget.findChildren(QWidget):
        inside = one.parent()
        is_part = isinstance(inside, QAbstractSpinBox) or isinstance(inside.parent(), QComboBox)
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus and not is_part:
            yield one


def test_the_control_that_keys_go_to_is_seen(stack, qtbot):
    def picture():
        qtbot.wait(50)
        return stack.widget.start.grab().toImage()

    stack.viewer.window._qt_window.activateWindow()
    stack.widget.buttons.undo.setFocus()
    without = picture()
    stack.widget.start.setFocus()
    assert picture() != without


def test_every_control_has_a_name(stack):
    nameless = [
        (type(one).__name__, type(one.parent()).__name__)
        for one in controls(stack.widget)
        if not (one.accessibleName() or (isinstance(one, QAbstractButton) and one.text()))
    ]
    assert not nameless


def test_tab_reaches_every_control_that_is_shown(stack, qtbot):
    for fold in stack.widget.findChildren(QCollapsible):
        fold.expand(animate=False)
    stack.controller.clicks.add(16, 16)
    stack.viewer.window._qt_window.activateWindow()
    qtbot.wait(50)
    wanted = {one for one in controls(stack.widget) if one.isVisible() and one.isEnabled()}
    assert len(wanted) > 40
    stack.widget.start.setFocus()
    reached = set()
    for _ in range(4 * len(wanted)):
        focused = QApplication.focusWidget()
        if focused is None or focused in reached:
            break
        reached.add(focused)
        stack.widget.focusNextChild()
    assert not [(type(one).__name__, one.accessibleName()) for one in wanted - reached]
