"""Random users: whatever is done in whatever order, the mask is what a fresh replay of the clicks gives."""

import contextlib
import queue
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from napari.components import ViewerModel

from napari_m2n2v2 import Session
from napari_m2n2v2._napari.controller.controller import Controller
from napari_m2n2v2._napari.controller.jobs import Jobs
from tests.conftest import blob_image
from tests.napari.conftest import AtOnce, run_now

rows, cols = st.integers(0, 47), st.integers(0, 63)


class Clicking(RuleBasedStateMachine):
    def make_jobs(self):
        return Jobs(run_now, AtOnce())

    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.controller = Controller(ViewerModel(), self.make_jobs(), Jobs(run_now, AtOnce()), Path(self.folder.name))
        self.errors, self.since = [], {}
        self.controller.state.failed.connect(self.errors.append)
        self.controller.settings.change(attention="appearance", grid=8, device="cpu")
        self.controller.images.start(self.controller.state.viewer.add_image(self.make_image()))

    def make_image(self):
        return blob_image()

    def accepting(self, act):
        """Note what is accepted now, and what there was: that is what it has to be."""
        before = self.workspace.work
        act()
        for one in {*self.workspace.work.accepted} - {*before.accepted}:
            self.since[one] = before, self.controller.state.rules

    def at(self, row, col):
        """Where a point of the plane that is shown is."""
        return [row, col]

    @property
    def workspace(self):
        return self.controller.state.active

    @property
    def points(self):
        return self.workspace.points

    def has_clicks(self):
        return len(self.points.data) > 0

    @rule(row=rows, col=cols)
    def add(self, row, col):
        self.points.add(self.at(row, col))

    @precondition(has_clicks)
    @rule(row=rows, col=cols, which=st.integers(0, 99))
    def drag(self, row, col, which):
        index = which % len(self.points.data)
        self.points._drag_start = None
        before = self.points.data[index].copy()
        with self.points.events.data.blocker():
            self.points._move({index}, before)
        self.points._move({index}, [*before[:-2], row, col])
        self.points._drag_start = None

    @precondition(has_clicks)
    @rule(which=st.integers(0, 99))
    def flip(self, which):
        self.points.mode = "select"
        self.points.selected_data = {which % len(self.points.data)}
        self.controller.clicks.toggle()
        self.points.mode = "add"

    @precondition(has_clicks)
    @rule(which=st.integers(0, 99))
    def delete(self, which):
        self.points.selected_data = {which % len(self.points.data)}
        self.points.remove_selected()

    @precondition(has_clicks)
    @rule(which=st.integers(0, 99), threshold=st.one_of(st.none(), st.floats(0, 1, width=16)))
    def reach(self, which, threshold):
        if self.workspace.clicks:
            self.controller.clicks.set_threshold(which % len(self.workspace.clicks), threshold)

    @rule()
    def undo(self):
        self.controller.clicks.undo()

    @rule()
    def redo(self):
        self.controller.clicks.redo()

    @rule()
    def next_object(self):
        self.accepting(self.controller.objects.next)

    @rule()
    def accept(self):
        self.accepting(self.controller.objects.toggle_accepted)

    @rule(which=st.integers(1, 3))
    def select_object(self, which):
        self.controller.objects.select(which)

    @rule()
    def reset(self):
        self.controller.objects.reset()

    @rule()
    def toggle(self):
        self.points.selected_data = set()
        self.controller.clicks.toggle()

    @rule()
    def cancel(self):
        self.controller.features.cancel()

    @rule(compete=st.booleans())
    def compete(self, compete):
        self.controller.state.set_rules(compete=compete)

    @invariant()
    def the_mask_is_a_fresh_replay(self):
        if not hasattr(self, "controller"):
            return
        assert not self.errors
        assert len(self.points.data) == len(self.workspace.placed)
        for part in self.workspace.parts:
            if part.features is not None:
                fresh, plane = Session(part.features, compete=self.controller.state.rules.compete), part.key.plane
                accepted = self.pixels(self.workspace.work, plane)
                expected = fresh.replay(self.workspace.clicks_in(plane), accepted=accepted).labels
                np.testing.assert_array_equal(self.workspace.labels.data[plane.index], expected)
                self.accepted_are_what_they_were(fresh, plane)
        clicked = {placed.plane for placed in self.workspace.placed}
        assert clicked <= {part.key.plane for part in self.workspace.parts if part.features is not None}

    def pixels(self, work, plane):
        return {one.object_id: one.pixels for one in work.accepted_in(plane) if one.pixels is not None}

    def accepted_are_what_they_were(self, fresh, plane):
        for one in self.workspace.work.accepted_in(plane):
            since, rules = self.since[one]
            if one.pixels is not None and rules == self.controller.state.rules:
                clicks = [placed.click for placed in since.placed if placed.plane == plane]
                labels = fresh.replay(clicks, accepted=self.pixels(since, plane)).labels
                np.testing.assert_array_equal(one.pixels.within((0, 48, 0, 64)), labels == one.object_id)

    def teardown(self):
        if hasattr(self, "controller"):
            self.controller.close()
            self.folder.cleanup()


class Racing(Clicking):
    """The same with the real worker: answers come late, and are taken at moments that chance decides."""

    def make_jobs(self):
        self.answers = queue.SimpleQueue()
        return Jobs(self.answers.put)

    @initialize()
    def start(self):
        super().start()
        self.settle()

    def settle(self):
        workspace = self.workspace
        end = time.monotonic() + 60
        while workspace.is_computing or any(
            key[0] == id(workspace) and key[1] in ("features", "solve") for key in self.controller.jobs.keys
        ):
            assert time.monotonic() < end, "an answer never came"
            with contextlib.suppress(queue.Empty):
                self.answers.get(timeout=0.05)()

    @rule(count=st.integers(1, 5))
    def take_some_answers(self, count):
        for _ in range(count):
            if not self.answers.empty():
                self.answers.get()()

    @rule()
    def compute_again(self):
        self.controller.features.start()

    @invariant()
    def the_mask_is_a_fresh_replay(self):
        """Only when all answers are in can the mask be right; see :meth:`all_settled`."""

    @rule()
    def all_settled(self):
        for part in self.workspace.parts:
            if part.features is None:
                self.controller.features.start(self.workspace, part.key)
        self.settle()
        super().the_mask_is_a_fresh_replay()

    def teardown(self):
        if hasattr(self, "controller"):
            self.all_settled()
        super().teardown()


class InStack:
    """The same in a stack: sliders are moved between, and while, planes are computed and solved."""

    depth = 3

    def make_image(self):
        return np.stack([np.roll(blob_image(seed=z), 4 * z, axis=1)[..., 0] for z in range(self.depth)])

    def at(self, row, col):
        return [self.controller.state.viewer.dims.current_step[0], row, col]

    @rule(z=st.integers(0, 2))
    def slide(self, z):
        self.controller.state.viewer.dims.set_current_step(0, z)

    @rule()
    def transpose(self):
        self.controller.state.viewer.dims.transpose()

    @precondition(lambda self: self.has_clicks())
    @rule(which=st.integers(0, 99), z=st.floats(0, 2))
    def move_to_another_slice(self, which, z):
        data = self.points.data.copy()
        data[which % len(data), 0] = z
        self.points.data = data


class ClickingInStack(InStack, Clicking):
    pass


class RacingInStack(InStack, Racing):
    pass


MACHINES = [Clicking, Racing, ClickingInStack, RacingInStack]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_few_random_users(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=5, stateful_step_count=20, deadline=None))


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_many_random_users(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
