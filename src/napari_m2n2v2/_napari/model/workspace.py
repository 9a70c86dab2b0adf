"""One image being segmented: its layers, its clicks, its masks, and what is known of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_m2n2v2._napari.layers.geometry import axis_names, stack_of
from napari_m2n2v2._napari.layers.label_ids import LabelIds
from napari_m2n2v2._napari.layers.labels import PlaneMasks
from napari_m2n2v2._napari.layers.own_columns import OwnColumns
from napari_m2n2v2._napari.model.tiles import Part, Parts
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Stack
from napari_m2n2v2.images.tile import Region, RegionClick, clicks_in, counts_in
from napari_m2n2v2.parameters import FeatureParameters
from napari_m2n2v2.prompts import Prompt
from napari_m2n2v2.session.carried import CarriedPlanes
from napari_m2n2v2.session.document import Document, PartKey, Place, PlacedClick, PlaneKey, Rules, Solution, plane_text
from napari_m2n2v2.session.history import History
from napari_m2n2v2.session.work import About, Work

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points, Shapes

    from napari_m2n2v2.features.image_features import ImageFeatures

__all__ = ["AboutObjects", "Workspace"]


class AboutObjects(NamedTuple):
    """By ascending id, the name and class of every object; which are accepted; how many clicks each has in all."""

    said: Mapping[int, About] = MappingProxyType({})
    kept: AbstractSet[int] = frozenset()
    clicks: Mapping[int, int] = MappingProxyType({})

    @classmethod
    def of(cls, work: Work) -> AboutObjects:
        """Look through a state."""
        said = {one.object_id: one for one in work.about}
        clicks = Counter(placed.click.object_id for placed in work.placed)
        return cls({i: said.get(i) or About(i) for i in sorted(work.objects)}, work.kept, clicks)


@dataclass(eq=False)
class Workspace:
    """The state of one image layer; followed by object, never by name.

    What has no plane in its name is of what is shown: of the plane, and of the part of it that is worked on there;
    nothing, while there is none. Which that is, whoever watches the viewer sets.
    """

    dims: Any  # the viewer's
    image: Image
    points: Points
    labels: Labels
    taken_up: tuple[PlacedClick, ...] = ()  # clicks of ours that were opened again
    taken_up_work: Work = field(default_factory=Work)  # by the dock that was there before
    history: History[Work] = field(init=False)
    parts: Parts = field(default_factory=Parts)
    carried: CarriedPlanes = field(default_factory=CarriedPlanes)
    shapes: Shapes | None = None  # that draws what is no click, once there is any
    object_id: int = 1
    is_new: bool = False  # whether the Labels layer was empty when we began
    by_view: bool = False  # whether the field of view is worked on, or all of a plane
    here: PlaneKey | None = None  # the plane that is shown; None in 3-D, and where the sliders are beyond the image
    region: Region | None = None  # of that plane, in view; None is all of it
    focus: PartKey | None = None  # the part of it that is worked on where one clicks in view
    sees_beyond: bool = False  # more than that part is in view
    working_side: int = FeatureParameters().working_side
    seconds: float | None = None  # that the last features took which were computed, without loading weights
    areas_before: tuple[PlaneKey, Mapping[int, int]] | None = None  # the newest change of clicks, in the plane shown
    columns: OwnColumns = field(default_factory=OwnColumns)  # the user's, of the table of clicks
    label_ids: LabelIds = field(init=False)  # that the Labels layer is known to hold
    written_into: Any = field(init=False)  # the labels' data, as they were last seen
    _masks: dict[PlaneKey, PlaneMasks] = field(default_factory=dict)
    _about: tuple[Work | None, AboutObjects] = (None, AboutObjects())
    _seen: tuple[tuple[PlacedClick, ...], PartKey | None, list[int]] = ((), None, [])  # clicks, part, :attr:`indices`

    def __post_init__(self) -> None:
        self.written_into = self.labels.data
        self.label_ids = LabelIds(self.labels)
        self.history = History(Work())
        self.history.push(self.taken_up_work.with_clicks(self.taken_up))
        self.carried.take_up(self.taken_up)

    # -- of any plane --------------------------------------------------------------------------------------------

    @property
    def stack(self) -> Stack:
        """The image as planes of its last two axes."""
        return stack_of(self.image)

    @property
    def placed(self) -> tuple[PlacedClick, ...]:
        """The present clicks of all planes, in the order of the Points layer."""
        return self.history.present.placed

    @property
    def work(self) -> Work:
        """The present clicks, and what is accepted."""
        return self.history.present

    @property
    def about(self) -> AboutObjects:
        """What there is to say of its objects, worked out once for each state: tables ask again and again."""
        if self._about[0] is not self.work:
            self._about = self.work, AboutObjects.of(self.work)
        return self._about[1]

    @property
    def is_computing(self) -> bool:
        """Whether the features of any part are being computed."""
        return any(part.state is FeatureState.COMPUTING for part in self.parts)

    @property
    def masks(self) -> tuple[PlaneMasks, ...]:
        """Those of all planes that were worked on."""
        return tuple(self._masks.values())

    def masks_of(self, key: PlaneKey) -> PlaneMasks:
        """Return the masks of a plane."""
        if key not in self._masks:
            # Labels of objects whose clicks we know are ours to change; all others are protected.
            ours, starts = [p for p in self.taken_up if p.plane == key], self.taken_up_work.starts_in(key)
            regions = {self.part_key(key, placed.region).region for placed in ours}
            boxes = [region.box for region in regions]
            boxes += [mask.box for mask in starts.values() if mask.box is not None]
            self._masks[key] = PlaneMasks(self.labels, key, {*starts, *(p.click.object_id for p in ours)}, boxes)
        return self._masks[key]

    def look_again(self) -> None:
        """See what the Labels layer holds, whose data are others now."""
        self.written_into, self.is_new = self.labels.data, False
        for masks in self.masks:
            masks.look_again()

    def part_key(self, key: PlaneKey, region: Region | None = None) -> PartKey:
        """Return the key of a part; of all of a plane by default."""
        return PartKey(key, region or Region.whole(stack_of(self.image, key.axes).plane_shape, self.working_side))

    def region_clicks(self, key: PlaneKey) -> tuple[RegionClick, ...]:
        """Return the present clicks of one plane with their regions, in their order."""
        return self.regions_of(key, (placed for placed in self.placed if placed.plane == key))

    def regions_of(self, key: PlaneKey, placed: Iterable[PlacedClick]) -> tuple[RegionClick, ...]:
        """Return clicks of one plane with their regions."""
        whole = self.part_key(key).region
        return tuple(RegionClick(p.region or whole, p.click) for p in placed)

    def clicks_in(self, key: PlaneKey | None) -> tuple[Prompt, ...]:
        """Return the present clicks of one plane, in their order."""
        return tuple(placed.click for placed in self.placed if placed.plane == key)

    def clicks_of(self, key: PlaneKey, object_id: int) -> tuple[Prompt, ...]:
        """Return the present clicks of one object in one plane, in their order."""
        return tuple(click for click in self.clicks_in(key) if click.object_id == object_id)

    def document(self, rules: Rules) -> Document:
        """Capture all that was clicked, and what came of it by these rules."""
        return Document(
            shape=self.stack.shape,
            placed=self.placed,
            solutions=self._solutions(rules),
            segmentation_parameters=rules.parameters,
            compete=rules.compete,
            starts=self.work.starts,
            carried=tuple(known for *_, known in self.carried.present(self.placed) if known is not None),
            accepted=self.work.accepted,
            about=self.work.about,
        )

    def _solutions(self, rules: Rules) -> dict[Place, Solution | None]:
        by_plane: dict[PlaneKey, list[PlacedClick]] = {}
        for placed in self.placed:
            by_plane.setdefault(placed.plane, []).append(placed)
        clicks = {plane: self.regions_of(plane, there) for plane, there in by_plane.items()}
        found: dict[Place, Solution | None] = {}
        for plane, region in dict.fromkeys((p.plane, p.region) for p in self.placed):
            key = self.part_key(plane, region)
            now = tuple(map(key.region.into, clicks_in(key.region, clicks[plane])))
            solution = part.solution if (part := self.parts.get(key)) is not None else None
            accepted = tuple(one for one in self.work.accepted_in(plane) if one.pixels is not None)
            came_from = (now, rules, accepted, self.work.starts_in(plane))
            is_now = solution is not None and _came_from(solution) == came_from
            found[plane, region] = solution if is_now else None
        return found

    def name_of(self, key: PlaneKey) -> str:
        """Name a plane in words, with the names of its axes; empty for an image that is one plane."""
        return plane_text(key, axis_names(self.dims, self.image))

    # -- of what is shown ----------------------------------------------------------------------------------------

    def show(self, here: PlaneKey | None, region: Region | None) -> None:
        """Set what is shown: a plane, and the part of it in view."""
        self.here, self.region = here, region
        self.focus = self.part_key(here, region) if here is not None else None

    @property
    def indices(self) -> list[int]:
        """Where among all clicks (:attr:`placed`) those are that the part in view is solved by."""
        placed, focus = self.placed, self.focus
        if focus is None:
            return []
        if self._seen[0] is not placed or self._seen[1] != focus:
            whole = self.part_key(focus.plane).region
            counted = [
                i
                for i, p in enumerate(placed)
                if p.plane == focus.plane and counts_in(focus.region, RegionClick(p.region or whole, p.click))
            ]
            self._seen = placed, focus, counted
        return self._seen[2]

    def places_of(self, object_id: int) -> set[int]:
        """Say where among all clicks those of an object are that lie in the plane that is shown."""
        here = self.here
        return {i for i, p in enumerate(self.placed) if p.plane == here and p.click.object_id == object_id}

    @property
    def clicks(self) -> tuple[Prompt, ...]:
        """The present clicks that the part in view is solved by, in pixels of the plane."""
        return tuple(self.placed[i].click for i in self.indices)

    @property
    def selected_click(self) -> int | None:
        """Index among :attr:`clicks` of the one looked at: selected, or the present object's last."""
        clicks, at = self.clicks, self.indices
        chosen = [i for i, place in enumerate(at) if place in self.points.selected_data]
        of_object = [i for i, click in enumerate(clicks) if click.object_id == self.object_id]
        return max(chosen or of_object or range(len(clicks)), default=None)

    @property
    def part(self) -> Part | None:
        """The part in view, if it was worked on."""
        return self.parts.get(self.focus)

    @property
    def state(self) -> FeatureState:
        """Where its features stand."""
        return part.state if (part := self.part) is not None else FeatureState.MISSING

    @property
    def features(self) -> ImageFeatures | None:
        """Its features."""
        return part.features if (part := self.part) is not None else None

    @property
    def solution(self) -> Solution | None:
        """What its clicks gave when they were last solved."""
        return part.solution if (part := self.part) is not None else None


def _came_from(solution: Solution) -> tuple[object, ...]:
    return solution.result.clicks, solution.rules, solution.accepted, dict(solution.starts)
