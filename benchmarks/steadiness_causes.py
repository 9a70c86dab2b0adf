"""Why a click moved by one pixel gives another mask: ``python -m benchmarks.steadiness_causes choose default``.

Clicks and cases are those of ``benchmarks.steadiness``. Wherever the two masks have an IoU under 0.9, the moved click
is solved again with something taken over from the click as it was, and the first that brings the masks back to 0.9 is
the cause: how many pixels of its map it claims; that and the thresholds of earlier clicks; the start state of its map;
what the flood fill of its map begins with; both. What is left is called "several".
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.fewer_clicks import parameters_named
from benchmarks.steadiness import ALIKE, MOVED, options_of, traced_objects
from napari_m2n2v2 import Click, Session
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.session.click_map import click_map, upsampled_map
from napari_m2n2v2.session.seed import working_seed
from napari_m2n2v2.session.segmentation import Segmentation, advance, maps_as_scored, score_of_click

NEARLY = 0.9  # of the best score: what counts as near to it


@dataclass
class Pair:
    """A click and the same moved by a pixel, after the same clicks."""

    session: Session
    before: Segmentation
    click: Click
    other: Click

    def __post_init__(self):
        self.straight, self.moved = self.solved(self.click), self.solved(self.other)
        self.iou = self.like(self.moved)

    def solved(self, click, before=None, map_at=None):
        session = self.session
        return advance(before or self.before, click, session.features, session.parameters, map_at or session.map_at)

    def like(self, solved):
        return intersection_over_union(self.straight.working_mask, solved.working_mask)

    def map_of(self, click):
        return self.session.map_at(working_seed(click, self.session.features))

    def same_size(self):
        """Which candidate of the moved click claims as many pixels of its map as that of the click as it was."""
        there = self.map_of(self.click).candidates.values
        return int(np.searchsorted(there, np.float32(self.straight.thresholds[-1])).clip(max=len(there) - 1))

    def with_size(self, earlier):
        """The moved click with the size of the other's segment, and perhaps its thresholds of earlier clicks."""
        before = self.before
        if earlier:
            known = zip(before.clicks, self.straight.thresholds[:-1], strict=True)
            before = replace(before, clicks=tuple(replace(click, threshold=at) for click, at in known))
        threshold = float(self.map_of(self.other).candidates.values[self.same_size()])
        return self.solved(replace(self.other, threshold=threshold), before)

    def with_map(self, start, flood):
        """The moved click's map, with the start state, or what the flood fill begins with, of the other."""
        features, parameters = self.session.features, self.session.parameters
        here, there = (working_seed(click, features) for click in (self.click, self.other))
        upsampled = upsampled_map(features, here if start else there, parameters)
        found = click_map(features, here if flood else there, parameters, upsampled)
        return self.solved(self.other, map_at=lambda seed: found if seed == there else self.session.map_at(seed))

    def cause(self):
        """Return what brings the masks back."""
        tried = {
            "own threshold": lambda: self.with_size(earlier=False),
            "thresholds of earlier clicks": lambda: self.with_size(earlier=True),
            "start state": lambda: self.with_map(start=True, flood=False),
            "start of the flood fill": lambda: self.with_map(start=False, flood=True),
            "both starts": lambda: self.with_map(start=True, flood=True),
        }
        found = next((name for name, solve in tried.items() if self.like(solve()) >= ALIKE), "several")
        if found == "own threshold" and self.score_there() >= NEARLY:
            return f"{found}, two scores within {1 - NEARLY:.0%}"
        if found == "thresholds of earlier clicks" and self.straight.discarded != self.moved.discarded:
            return f"{found}, one of both discarded"
        return found

    def score_there(self):
        """The score of that size among the moved click's, as a share of the best."""
        session, moved = self.session, self.moved
        seeds = [working_seed(click, session.features) for click in moved.clicks]
        maps = maps_as_scored([session.map_at(seed) for seed in seeds], moved.radii)
        state = maps, seeds, moved.clicks, moved.ceilings, moved.discarded, session.parameters
        scores = score_of_click(len(seeds) - 1, *state)
        return scores[self.same_size()] / max(scores.max(), np.finfo(np.float32).tiny)


def pairs_of(features, parameters, clicks):
    session, (height, width) = Session(features, parameters), features.shape
    for count in MOVED:
        if count > len(clicks):
            return
        *before, last = clicks[:count]
        begun = Segmentation.begin(np.zeros(features.shape, dtype=bool), features.shape)
        solved = session.replay(before).objects.get(1, begun)
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            row, col = last.row + down, last.col + right
            if 0 <= row < height and 0 <= col < width:
                yield Pair(session, solved, last, replace(last, row=row, col=col))


def main(options):
    for variant in options.variants:
        cases, causes = Counter(), {}
        for features, clicks in traced_objects(options, variant):
            for pair in pairs_of(features, parameters_named(variant), clicks):
                count = len(pair.straight.clicks)
                cases[count] += 1
                if pair.iou < ALIKE:
                    causes.setdefault(pair.cause(), Counter())[count] += 1
        print(f"\n| {variant} | {' | '.join(f'click {n}' for n in cases)} |\n|{' --- |' * (len(cases) + 1)}")
        for cause, counts in sorted(causes.items()):
            print(f"| {cause} | {' | '.join(str(counts[n]) for n in cases)} |")
        totals = (f"{sum(counts[n] for counts in causes.values())} of {cases[n]}" for n in cases)
        print(f"| all under IoU {ALIKE} | {' | '.join(totals)} |", flush=True)


if __name__ == "__main__":
    main(options_of(__doc__))
