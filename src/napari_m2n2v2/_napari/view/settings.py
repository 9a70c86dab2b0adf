"""The settings that are rarely touched, folded away in the dock."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QPushButton, QWidget

from napari_m2n2v2._napari.controller.features import FeatureController
from napari_m2n2v2._napari.controller.taking_over import TakeOverController
from napari_m2n2v2._napari.layers.image import BIT_DEPTHS
from napari_m2n2v2._napari.model.dock_state import DockState
from napari_m2n2v2._napari.view.qt import follow
from napari_m2n2v2._napari.view.store import StorePanel
from napari_m2n2v2._napari.view.text import elide
from napari_m2n2v2.parameters import SegmentationParameters

__all__ = ["SettingsPanel", "layer_choice"]

_GRIDS = {"the backbone's default": None, "37 (faster)": 37, "64": 64, "96 (finer, slower)": 96}


_REACHES = {
    "one connected region": "connected",
    "thin, branching lines": "thin",
    "similar parts anywhere": "similar",
}


_METHODS = {
    "the default": SegmentationParameters(),
    "M2N2V2 as published": SegmentationParameters.paper(),
    "M2N2": SegmentationParameters.m2n2(),
}
_OF_SESSION = "of the session"


_DEVICES = ("auto", "cpu", "cuda", "mps")


def layer_choice(annotation: str, label: str) -> Any:
    """Make magicgui's choice of a layer, which finds the layers of the viewer it is docked in."""
    choice = create_widget(annotation=annotation, label=label)
    elide(choice.native)
    return choice


class SettingsPanel(QWidget):  # type: ignore[misc]
    """Guide, bit depth, channels, grid, device, the layer to write into, and how objects share pixels.

    Parameters
    ----------
    state : DockState
        Has the rules.
    features, taking_over : FeatureController, TakeOverController
        What the settings are for.
    """

    def __init__(self, state: DockState, features: FeatureController, taking_over: TakeOverController) -> None:
        super().__init__()
        self._state = state
        self._features = features
        self._taking_over = taking_over
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._build_features(features)
        self._build_objects(state, features)
        follow(self._show_rules, state.rules_changed)

    def _build_features(self, features: FeatureController) -> None:
        """Add what features are computed with."""
        self.guide = layer_choice("napari.layers.Image | None", "Guide")
        self.guide.changed.connect(self._on_guide)
        self._row(
            "Guide layer",
            self.guide.native,
            "A registered channel, such as inverse depth, that parts what is alike.\n"
            "For a stack: another stack, or one plane for all slices",
        )

        self.guide_weight = QDoubleSpinBox()
        self.guide_weight.setRange(0.05, 20.0)
        self.guide_weight.setSingleStep(0.25)
        self.guide_weight.setValue(1.0)
        self.guide_weight.valueChanged.connect(lambda weight: features.settings.change(guide_weight=weight))
        self._row("Its weight", self.guide_weight, "How much the steps of the guide layer count; 1 is the paper's")

        self.bit_depth = QComboBox()
        self.bit_depth.addItems(BIT_DEPTHS)
        self.bit_depth.currentTextChanged.connect(lambda rule: features.settings.change(bit_depth=rule))
        self._row("Bit depth", self.bit_depth, "How values become the 8 bit that a backbone sees")

        self.merge = QCheckBox("merge visible channels")
        self.merge.toggled.connect(lambda on: features.settings.change(merge_channels=on))
        self._row("Channels", self.merge, "Up to three visible image layers of one shape, together as seen")

        self.grid = QComboBox()
        for text, cells in _GRIDS.items():
            self.grid.addItem(text, cells)
        self.grid.currentIndexChanged.connect(lambda: features.settings.change(grid=self.grid.currentData()))
        self._row("Grid", self.grid, "Attention cells along the side of a square image")

        self.device = QComboBox()
        self.device.addItems(_DEVICES)
        self.device.currentTextChanged.connect(lambda name: features.settings.change(device=name))
        self._row("Device", self.device, "Where torch computes; auto is CUDA, else MPS, else CPU")

    def _build_objects(self, state: DockState, features: FeatureController) -> None:
        """Add what becomes of clicks, and of what was computed."""
        self.labels = layer_choice("napari.layers.Labels | None", "Write into")
        self._row("Write into", self.labels.native, "A Labels layer whose labels are protected, or a new one")
        self.source = layer_choice("napari.layers.Labels | None", "Take over")
        self._row("Take over", self.source.native, "The layer whose labels become objects; none: the one written into")
        self.take_over_all = QPushButton("All as objects")
        self.take_over_all.clicked.connect(lambda: self._taking_over.take_over(layer=self.source.value))
        self._row("", self.take_over_all, "Every label becomes an object, with its id: clicks correct it")
        self.take_over = QPushButton("Its selected label")
        self.take_over.clicked.connect(self._take_over)
        self._row("", self.take_over, "The label chosen in that layer becomes an object: clicks correct it")

        self.compete = QCheckBox("objects compete for pixels")
        self.compete.setChecked(True)
        self.compete.toggled.connect(lambda on: state.set_rules(compete=on))
        self._row("Objects", self.compete, "If not, each is solved alone and the one clicked last lies on top")

        self.store = StorePanel(state, features.store)
        self._row("Keep", self.store, "What was computed, so that it need not be computed again")

        self.reach = QComboBox()
        for text, reach in _REACHES.items():
            self.reach.addItem(text, reach)
        self.reach.currentIndexChanged.connect(lambda: state.set_rules(reach=self.reach.currentData()))
        self._row("One click claims", self.reach, "Beyond one region: thin lines suit the guide ridges")

        self.method = QComboBox()
        for text, method in _METHODS.items():
            self.method.addItem(text, method)
        self.method.activated.connect(lambda: state.set_rules(method=self.method.currentData()))
        self._row(
            "Method",
            self.method,
            "How clicks become masks. A loaded session brings its own, so that masks are the same",
        )

    def _show_rules(self) -> None:
        """Follow rules that a loaded session brought."""
        rules = self._state.rules
        self.reach.setCurrentIndex(self.reach.findData(rules.reach))
        self.compete.setChecked(rules.compete)
        methods = [self.method.itemData(i) for i in range(self.method.count())]
        if rules.method not in methods:
            if len(methods) > len(_METHODS):
                self.method.removeItem(len(_METHODS))
            self.method.addItem(_OF_SESSION, rules.method)
        self.method.setCurrentIndex([*methods[: len(_METHODS)], rules.method].index(rules.method))

    def _on_guide(self, layer: Any) -> None:
        """Use another guide layer, and notice when its pixels change."""
        before = self._state.settings.guide
        if before is not None:
            before.events.data.disconnect(self._on_guide_changed)
            before.events.set_data.disconnect(self._on_guide_redrawn)
        if layer is not None:
            layer.events.data.connect(self._on_guide_changed)
            layer.events.set_data.connect(self._on_guide_redrawn)
        self._features.settings.change(guide=layer)

    def _on_guide_changed(self, event: Any) -> None:
        self._features.settings.guide_changed(event.source)

    def _on_guide_redrawn(self, event: Any) -> None:
        self._features.settings.redrawn(event.source)

    def reset_choices(self) -> None:
        """Look again which layers there are."""
        self.guide.reset_choices()
        self.labels.reset_choices()
        self.source.reset_choices()

    def _row(self, label: str, control: QWidget, tip: str) -> None:
        control.setToolTip(tip)
        self._form.addRow(label, control)

    def _take_over(self) -> None:
        if self._state.active is not None:
            layer = self.source.value or self._state.active.labels
            self._taking_over.take_over(int(layer.selected_label), layer)
