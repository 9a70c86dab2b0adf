"""What decides the numbers of a run, besides the data: :class:`RunSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from napari_m2n2v2.errors import ParameterError
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.clicker import RULES
from napari_m2n2v2.evaluation.drawer import DRAWN_RULES
from napari_m2n2v2.guides.from_image import IMAGE_GUIDES
from napari_m2n2v2.guides.guide import AUTO, split_weight
from napari_m2n2v2.parameters import MODES, FeatureParameters, SegmentationParameters

__all__ = ["METHODS", "SWITCHES", "RunSettings", "parameters_of"]

METHODS = (*MODES, *BASELINES)
"""What can be evaluated: the method as it is by default, as published, the one before it, and the baselines."""

SWITCHES: dict[str, dict[str, Any]] = {
    "jbu-guide": {"guided_upsampling": False},
    "flood-guide": {"guided_flood_fill": False},
    "guide": {"guided_upsampling": False, "guided_flood_fill": False},
    "adaptive": {"score_adaptive": False, "discard_rule": False, "score_prior": True},
    "discard": {"discard_rule": False},
    "flood-fill": {"flood_fill": False},
    "edge": {"score_edge": False},
    "positive": {"score_positive": False},
    "negative": {"score_negative": False},
    "contrast": {"score_contrast": False},
    "prior-at-start": {"prior_at_start": False},
    "centred-start": {"centred_start": False},
    "boundary-distance": {"boundary_distance": False},
    "least-disc": {"least_disc": False},
    "refinement": {"refinement": False},
}
"""What ``--without`` switches off; "adaptive" puts M2N2's prior in its place, as the paper's ablation does."""

_FEATURE_NAMES = frozenset(field.name for field in fields(FeatureParameters))
_DEFAULTS = {**asdict(FeatureParameters()), **asdict(SegmentationParameters())}
_CLICK_NAMES = frozenset(field.name for field in fields(SegmentationParameters))


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that decides the numbers of a run, besides the data.

    Parameters
    ----------
    method : str
        One of :data:`METHODS`.
    attention : str
        Backbone, as :func:`~napari_m2n2v2.compute_features` takes it.
    guide : str
        ``"none"``, or names with or without weights as in ``"depth+lightness:2"``: ``"depth"`` is the data set's depth,
        the others as :func:`~napari_m2n2v2.compute_features` takes them.
    far_is_large : bool
        Whether that depth grows with distance.
    without : tuple of str
        Keys of :data:`SWITCHES`.
    changed : tuple of (str, value)
        Fields of :class:`~napari_m2n2v2.FeatureParameters` or :class:`~napari_m2n2v2.SegmentationParameters` that are
        not at the method's default. A mapping is taken as well.
    click_rule : str
        A key of :data:`~napari_m2n2v2.evaluation.clicker.RULES` or of
        :data:`~napari_m2n2v2.evaluation.drawer.DRAWN_RULES`.
    max_clicks : int
        Per object.
    seed : int
        Of the rule "random", and of what is drawn inexactly.

    Raises
    ------
    ParameterError
        For a name that is not known or a value out of range.
    """

    method: str = "default"
    attention: str = "auto"
    guide: str = "none"
    far_is_large: bool = False
    without: tuple[str, ...] = ()
    changed: tuple[tuple[str, Any], ...] = ()
    click_rule: str = "union"
    max_clicks: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        pairs = self.changed.items() if isinstance(self.changed, Mapping) else self.changed
        object.__setattr__(self, "changed", tuple(sorted((name, value) for name, value in pairs)))
        object.__setattr__(self, "without", tuple(self.without))
        for given, known, what in (
            (self.method, METHODS, "method"),
            (self.click_rule, {**RULES, **DRAWN_RULES}, "click rule"),
            *((name, ("none", "depth", AUTO, *IMAGE_GUIDES), "guide") for name in self.guide_names),
            *((name, SWITCHES, "part to leave out") for name in self.without),
            *((name, _FEATURE_NAMES | _CLICK_NAMES, "parameter") for name, _ in self.changed),
        ):
            if given not in known:
                raise ParameterError(f"Unknown {what} {given!r}: expected {', '.join(sorted(known))}.")
        for name, value in self.changed:
            if isinstance(value, str) != isinstance(_DEFAULTS[name], str):
                kind = "a word" if isinstance(_DEFAULTS[name], str) else "a number"
                raise ParameterError(f"{name} must be {kind}, got {value!r}.")
            if type(value) is float and isinstance(_DEFAULTS[name], int | None) and not float(value).is_integer():
                raise ParameterError(f"{name} must be a whole number, or true or false, got {value!r}.")
        if self.max_clicks < 1:
            raise ParameterError(f"max_clicks must be at least 1, got {self.max_clicks}.")
        parameters_of(self)

    @property
    def guide_names(self) -> tuple[str, ...]:
        """The names in ``guide``, without their weights."""
        return tuple(split_weight(part)[0] for part in self.guide.split("+"))

    @property
    def label(self) -> str:
        """A short name for tables and files."""
        parts = [self.method]
        if self.guide != "none":
            parts.append(self.guide)
        parts += [f"without-{name}" for name in self.without]
        parts += [f"{name}-{value if isinstance(value, str) else f'{value:g}'}" for name, value in self.changed]
        if self.click_rule != "union":
            parts.append(self.click_rule + (f"-{self.seed}" if self.click_rule == "random" else ""))
        return "_".join(parts)


def parameters_of(settings: RunSettings) -> tuple[FeatureParameters, SegmentationParameters]:
    """Return the parameters of a run of the method (baselines have none of them).

    Raises
    ------
    ParameterError
        For a value out of range.
    """
    clicks = asdict(MODES.get(settings.method, SegmentationParameters)())
    for name in settings.without:
        clicks.update(SWITCHES[name])
    clicks.update((name, value) for name, value in settings.changed if name in _CLICK_NAMES)
    features = {name: value for name, value in settings.changed if name in _FEATURE_NAMES}
    return FeatureParameters(**features), SegmentationParameters(**clicks)
