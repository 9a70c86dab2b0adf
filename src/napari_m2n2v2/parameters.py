"""Every constant of the method, with its symbol, equation, default and range.

They are split by what they invalidate: :class:`FeatureParameters` need the image to be read again (slow),
:class:`SegmentationParameters` only the clicks (fast). :class:`PropagationParameters` are beyond the paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from napari_m2n2v2.errors import ParameterError

__all__ = [
    "MODES",
    "REACHES",
    "RENDERINGS",
    "FeatureParameters",
    "PropagationParameters",
    "Reach",
    "SegmentationParameters",
]


Rendering = Literal["linear", "percentiles", "equalised", "scales"]
RENDERINGS: tuple[Rendering, ...] = get_args(Rendering)
Reach = Literal["connected", "thin", "similar"]
REACHES: tuple[Reach, ...] = get_args(Reach)


def _require(condition: bool, name: str, expected: str, value: object) -> None:
    if not condition:
        raise ParameterError(f"{name} must be {expected}, got {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureParameters:
    """What is computed once per image (sections 3.1 to 3.3).

    Parameters
    ----------
    grid : int or None
        Attention cells along the side of a square image; another aspect ratio keeps about ``grid ** 2`` cells.
        ``None`` takes the backbone's own default.
    test_time_flip : bool
        Also run the horizontally flipped image and average the two attention tensors (section 9).
    temperature : float
        ``T`` of ``softmax(log A / T)``, above 0. Below 1 sharpens (section 3.1).
    ipf_rounds : int
        Most rounds of iterative proportional fitting, at least 0 (section 3.1).
    ipf_tolerance : float
        IPF stops once every column sum is within this of 1, at least 0; 0 runs all rounds.
    sigma_spatial : float
        Standard deviation of the spatial Gaussian of joint bilateral upsampling, in grid cells, above 0 (section 3.3).
    sigma_range : float
        Standard deviation of its range Gaussian on each guide channel in ``[0, 1]``, above 0 (section 3.3).
    rendering : str
        What the backbone is shown of an image with one channel: "linear", "percentiles", "equalised" or "scales", see
        :func:`~napari_m2n2v2.images.rendering.as_rgb`.
    working_side : int
        Images whose shortest side, in pixels, is longer are worked on at this size, at least 2 (section 9).
    """

    grid: int | None = None
    test_time_flip: bool = False
    temperature: float = 0.65
    ipf_rounds: int = 200
    ipf_tolerance: float = 1e-6
    sigma_spatial: float = 1.0
    sigma_range: float = 0.1
    rendering: Rendering = "linear"
    working_side: int = 1024

    def __post_init__(self) -> None:
        _require(self.grid is None or 2 <= self.grid <= 256, "grid", "between 2 and 256 cells, or None", self.grid)
        _require(self.temperature > 0, "temperature", "above 0", self.temperature)
        _require(self.ipf_rounds >= 0, "ipf_rounds", "0 or more", self.ipf_rounds)
        _require(self.ipf_tolerance >= 0, "ipf_tolerance", "0 or more", self.ipf_tolerance)
        _require(self.sigma_spatial > 0, "sigma_spatial", "above 0", self.sigma_spatial)
        _require(self.sigma_range > 0, "sigma_range", "above 0", self.sigma_range)
        _require(self.rendering in RENDERINGS, "rendering", f"one of {', '.join(RENDERINGS)}", self.rendering)
        _require(self.working_side >= 2, "working_side", "at least 2 pixels", self.working_side)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationParameters:
    """What is decided per click (sections 3.3 to 3.5).

    The defaults are what measures best (``docs/results.md``); :meth:`paper` is M2N2V2 as published, :meth:`m2n2` the
    method before it.

    Parameters
    ----------
    tau : float
        Relative probability at which the chain has reached a cell, in ``(0, 1)`` (Eq. 3).
    max_iterations : int
        Most steps of the chain; cells not reached by then get this value (Eq. 3).
    guided_upsampling : bool
        The guide joins RGB in joint bilateral upsampling (section 3.3). No effect without a guide.
    flood_fill : bool
        Keep only what is connected to the click (section 3.3).
    guided_flood_fill : bool
        The guide joins the Markov-map in the flood fill's distance (section 3.3). No effect without a guide.
    reach : str
        What the flood fill lets a click claim: one "connected" region (section 3.3); also "thin" lines, whose gaps of
        up to two pixels are jumped; or "similar" parts wherever they are. The last two are beyond the paper, whose
        limit the first is (section 4.3).
    score_edge, score_positive, score_negative : bool
        The factors ``s_edge``, ``s_pos``, ``s_neg`` of the score (Eq. 6).
    score_contrast : bool
        Of a click for which Eq. 10 sets no limit, as the first on an object: times the square of the image's contrast
        across the segment's outline (:mod:`~napari_m2n2v2.method.contrast`). Beyond the paper.
    score_prior : bool
        The factor ``s_prior`` (Eq. 7), which M2N2V2 drops.
    prior_at_start : bool
        A click for which Eq. 10 sets no limit, because nothing of its class is there yet, keeps to ``sigma_prior``;
        others are limited by Eq. 8 alone. Beyond the paper, whose first click may claim the whole image;
        ``docs/results.md`` has what it changes.
    sigma_prior : float
        Largest share of the image one click may claim under ``s_prior``, in ``(0, 1]`` (Eq. 7).
    score_adaptive : bool
        The factor ``s_adaptive`` (Eq. 8).
    sigma_adaptive : float
        How far, in distances from the previous mask, one click may change it; above 0 (Eq. 10). 6 in the paper.
    discard_rule : bool
        Ignore the newest click in the scores of the earlier ones when together they change the mask by more than
        ``s_adaptive`` allows (section 3.4).
    centred_start : bool
        The start state lies where the upsampling takes the grid's cells to be, so that a mirrored image gives the
        mirrored mask; the published one is half a cell off at the borders. Beyond the paper, as are those below.
    boundary_distance : bool
        ``r_i`` of a click whose pixel has its class already is the distance to the mask's boundary, as the prose says,
        and not 0, as Eq. 9 does; so the click may act.
    least_disc : bool
        A click claims at least the pixels within ``r_i`` of it, but for those nearer to a click of the other class.
    most_disc : float
        Largest radius of that disc in grid cells, above 0.
    refinement : bool
        Move the outline to the image's colours in a narrow band (:mod:`~napari_m2n2v2.method.refinement`). The refined
        mask is ``Y_{i-1}`` of the next click.
    refinement_band : float
        Half of the band's width in grid cells, above 0.
    refinement_window : float
        Radius of the windows in which colours are compared, in grid cells, above 0; at least one pixel.
    refinement_epsilon : float
        Variance of colour in ``[0, 1]`` below which a window counts as of one colour, above 0.
    refinement_rounds : int
        How often the outline is moved within the band, at least 1.
    refinement_trust : int
        How many pixels each of those around clicks that keep their class counts for in these windows, between 1 and
        30.
    """

    tau: float = 0.3
    max_iterations: int = 1000
    guided_upsampling: bool = True
    flood_fill: bool = True
    guided_flood_fill: bool = True
    reach: Reach = "connected"
    score_edge: bool = True
    score_positive: bool = True
    score_negative: bool = True
    score_contrast: bool = True
    score_prior: bool = False
    prior_at_start: bool = True
    sigma_prior: float = 0.4
    score_adaptive: bool = True
    sigma_adaptive: float = 3.0
    discard_rule: bool = True
    centred_start: bool = True
    boundary_distance: bool = True
    least_disc: bool = True
    most_disc: float = 1.5
    refinement: bool = True
    refinement_band: float = 0.6
    refinement_window: float = 0.9
    refinement_epsilon: float = 0.002
    refinement_rounds: int = 2
    refinement_trust: int = 12

    def __post_init__(self) -> None:
        _require(0 < self.tau < 1, "tau", "between 0 and 1, both excluded", self.tau)
        _require(self.reach in REACHES, "reach", f"one of {', '.join(REACHES)}", self.reach)
        _require(self.max_iterations >= 1, "max_iterations", "at least 1", self.max_iterations)
        _require(0 < self.sigma_prior <= 1, "sigma_prior", "above 0 and at most 1", self.sigma_prior)
        _require(self.sigma_adaptive > 0, "sigma_adaptive", "above 0", self.sigma_adaptive)
        _require(self.most_disc > 0, "most_disc", "above 0", self.most_disc)
        for name in ("refinement_band", "refinement_window", "refinement_epsilon"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        _require(self.refinement_rounds >= 1, "refinement_rounds", "at least 1", self.refinement_rounds)
        _require(1 <= self.refinement_trust <= 30, "refinement_trust", "between 1 and 30", self.refinement_trust)

    @classmethod
    def paper(cls) -> SegmentationParameters:
        """Return M2N2V2 as published."""
        return cls(
            prior_at_start=False,
            sigma_adaptive=6.0,
            centred_start=False,
            boundary_distance=False,
            least_disc=False,
            refinement=False,
            refinement_trust=1,
            score_contrast=False,
        )

    @classmethod
    def m2n2(cls) -> SegmentationParameters:
        """Return the earlier method, M2N2: prior score, no guide, no adaptive segment size."""
        return replace(
            cls.paper(),
            guided_upsampling=False,
            guided_flood_fill=False,
            score_prior=True,
            score_adaptive=False,
            discard_rule=False,
        )


MODES: dict[str, Callable[[], SegmentationParameters]] = {
    "default": SegmentationParameters,
    "v2": SegmentationParameters.paper,
    "m2n2": SegmentationParameters.m2n2,
}
"""The methods by name: what measures best, M2N2V2 as published, and the method before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationParameters:
    """How an object is carried from plane to plane, and when it is let go. Not in the paper; ``docs/stacks.md``.

    Parameters
    ----------
    most_clicks : int
        Most clicks on one object in one plane, at least 1.
    band : float
        Working pixels on either side of the previous outline that are left to the image, 0 or more; never more than
        half of the object's greatest depth.
    most_change : float
        Where the colour changed by more than this many spreads of the object since the previous plane, nothing is
        clicked; above 0.
    most_unlike : float
        What is further than this many spreads from the object's mean colour in the plane it started from no longer
        belongs to it; above 0.
    least_match : float
        An object ends where less than this share of its previous interior still looks like it, in ``[0, 1]``.
    least_area : int
        It ends below this many pixels of the mask, at least 1.
    most_jump : float
        It stops where its area grows or shrinks by more than this factor from plane to plane, at least 1.
    most_doubt : float
        It stops where :func:`~napari_m2n2v2.propagation.expectation.doubt_of_carried` is above this, in ``[0, 1]``;
        1 never stops it.
    """

    most_clicks: int = 12
    band: float = 2.0
    most_change: float = 1.0
    most_unlike: float = 3.0
    least_match: float = 0.1
    least_area: int = 12
    most_jump: float = 3.0
    most_doubt: float = 0.6

    def __post_init__(self) -> None:
        _require(self.most_clicks >= 1, "most_clicks", "at least 1", self.most_clicks)
        _require(self.band >= 0, "band", "0 pixels or more", self.band)
        _require(self.most_change > 0, "most_change", "above 0", self.most_change)
        _require(self.most_unlike > 0, "most_unlike", "above 0", self.most_unlike)
        _require(0 <= self.least_match <= 1, "least_match", "between 0 and 1", self.least_match)
        _require(self.least_area >= 1, "least_area", "at least 1 pixel", self.least_area)
        _require(self.most_jump >= 1, "most_jump", "at least 1", self.most_jump)
        _require(0 <= self.most_doubt <= 1, "most_doubt", "between 0 and 1", self.most_doubt)
