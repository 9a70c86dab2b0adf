"""Stacks ahead of their clicks: order, progress, pause, cancel, planes that fail, room that does not suffice."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_m2n2v2 import Cancelled, FeatureParameters, UnwritableFileError, compute_features
from napari_m2n2v2.errors import DeviceError, ImageError, MissingWeightsError
from napari_m2n2v2.features import request as feature_request
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.disk import FeatureFolder
from napari_m2n2v2.features.planes import Stored
from napari_m2n2v2.features.precompute import Precompute
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.images.stack import Stack, nearest_first
from napari_m2n2v2.parallel import Pool
from tests.conftest import blob_image

ARGUMENTS = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=6)}
SPEC = FeatureSpec(**ARGUMENTS)


class Volume:
    """A volume that notes which planes were read of it."""

    def __init__(self, planes=5):
        self.pixels = np.stack([blob_image(24, 32, seed)[..., 0] for seed in range(planes)])
        self.shape, self.dtype, self.ndim = self.pixels.shape, self.pixels.dtype, 3
        self.read = []

    def __getitem__(self, place):
        self.read.append(place[0])
        return self.pixels[place]


@pytest.fixture
def volume():
    return Volume()


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def test_the_nearest_come_first_and_each_plane_is_read_once(volume, cache):
    stack = Stack.of(volume)
    told = []
    job = Precompute(stack, cache, SPEC, start=(3,))
    assert set(job.states.values()) == {FeatureState.MISSING}
    job.run(told.append)
    assert volume.read == [3, 2, 4, 1, 0] == [index[0] for index in nearest_first(stack, (3,))]
    assert set(job.states.values()) == {FeatureState.READY} and not job.failures and not job.left_out
    assert cache.nbytes == 0, "planes ahead must not push the one at hand out of memory"
    finished = [standing for standing in told if standing.index is None]
    assert [(s.done, s.total) for s in finished] == [(n, 5) for n in range(1, 6)]
    assert told[0].seconds_left is None and finished[-1].seconds_left == 0
    for plane in volume.pixels:
        assert cache.has(plane, **ARGUMENTS)
        stored = cache.features(plane, **ARGUMENTS)
        assert torch.equal(stored.transition, compute_features(plane, **ARGUMENTS).transition)


def test_what_is_there_is_not_computed_again(volume, cache):
    Precompute(Stack.of(volume), cache, SPEC).run()
    written = {path: path.stat().st_ino for path in cache.disk.folder.iterdir()}
    stages = []
    job = Precompute(Stack.of(volume), cache, SPEC)
    job.run(lambda standing: stages.append(standing.stage))
    assert set(stages) == {"reading", ""} and set(job.states.values()) == {FeatureState.READY}
    assert {path: path.stat().st_ino for path in cache.disk.folder.iterdir()} == written


def test_cancelling_acts_within_a_plane_and_keeps_what_is_done(volume, cache):
    job = Precompute(Stack.of(volume), cache, SPEC)
    after = []

    def watch(standing):
        if job_cancelled:
            after.append(standing)
        if standing.index == (2,) and standing.stage == "appearance":
            job_cancelled.append(True)
            job.cancel()

    job_cancelled = []
    with pytest.raises(Cancelled):
        job.run(watch)
    assert not after
    assert list(job.states.values()) == [FeatureState.READY] * 2 + [FeatureState.MISSING] * 3
    job = Precompute(Stack.of(volume), cache, SPEC)
    job.run()
    assert set(job.states.values()) == {FeatureState.READY}


def test_pausing_holds_within_a_plane_and_does_not_count_as_work(volume, cache):
    job = Precompute(Stack.of(volume), cache, SPEC)
    told, at, reached, ended = [], {}, threading.Event(), []

    def watch(standing):
        told.append(standing)
        if standing.index:
            at.setdefault(standing.index[0], time.monotonic())
        if standing.index == (1,) and not reached.is_set():
            job.pause()
            reached.set()

    worker = threading.Thread(target=lambda: ended.append(job.run(watch)))
    worker.start()
    assert reached.wait(60)
    time.sleep(0.3)
    held = len(told)
    time.sleep(2)
    assert len(told) == held and job.paused and job.states[1,] is FeatureState.COMPUTING
    job.resume()
    worker.join(60)
    assert ended and set(job.states.values()) == {FeatureState.READY}
    assert len(job._spent) == 5 and job._spent[1] <= at[2] - at[1] - 2


def test_a_paused_run_can_be_cancelled(volume, cache):
    job = Precompute(Stack.of(volume), cache, SPEC)
    job.pause()
    outcome = []

    def run():
        try:
            job.run()
        except Cancelled as error:
            outcome.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    time.sleep(0.2)
    job.cancel()
    worker.join(10)
    assert outcome and not worker.is_alive()


def test_a_plane_that_cannot_be_segmented_is_passed_over(volume, cache):
    volume.pixels = volume.pixels.astype(np.float32)
    volume.pixels[1] = np.nan
    job = Precompute(Stack.of(volume), cache, SPEC)
    job.run()
    assert [state.value for state in job.states.values()] == ["ready", "failed", "ready", "ready", "ready"]
    assert list(job.failures) == [(1,)] and "NaN" in job.failures[1,]


def test_what_is_wrong_with_every_plane_ends_it(volume, cache, tmp_path):
    with pytest.raises(MissingWeightsError):
        Precompute(Stack.of(volume), cache, FeatureSpec(attention="stable-diffusion-2")).run()
    (tmp_path / "file").write_text("")
    notes = []
    nowhere = FeatureCache(tmp_path / "file" / "below", notify=notes.append)
    job = Precompute(Stack.of(volume), nowhere, SPEC)
    with pytest.raises(UnwritableFileError, match="not kept in"):
        job.run()
    assert len(notes) == 1 and set(job.states.values()) == {FeatureState.MISSING}


def test_farther_planes_do_not_push_out_nearer_ones(volume, cache, tmp_path):
    Precompute(Stack.of(volume), cache, SPEC).run()
    each = cache.disk.nbytes // 5
    small = FeatureCache(tmp_path / "small", disk_bytes=int(3.5 * each))
    job = Precompute(Stack.of(volume), small, SPEC, start=(2,))
    job.run()
    assert [index for index, state in job.states.items() if state is FeatureState.READY] == [(2,), (1,), (3,)]
    assert job.left_out == ((0,), (4,)) and small.disk.nbytes <= 3.5 * each
    assert [small.has(plane, **ARGUMENTS) for plane in volume.pixels] == [False, True, True, True, False]


def test_a_stack_may_guide(volume):
    cache = FeatureCache()  # a folder has nothing that depends on it
    guides = np.stack([np.tile(np.arange(32.0) ** (1 + z), (24, 1)) for z in range(5)])
    spec = FeatureSpec(attention="appearance", guide=Stack.of(guides), device="cpu", parameters=SPEC.parameters)
    Precompute(Stack.of(volume), cache, spec).run()
    for z, plane in enumerate(volume.pixels):
        assert cache.has(plane, "appearance", guides[z], "cpu", parameters=SPEC.parameters)
        assert not cache.has(plane, "appearance", guides[z - 1], "cpu", parameters=SPEC.parameters)


def test_images_may_be_rendered_by_the_caller(volume, cache):
    stack = Stack.of(volume)
    Precompute(stack, cache, request=lambda index: FeatureRequest.of(255 - stack.read(index), SPEC)).run()
    assert cache.has(255 - volume.pixels[0], **ARGUMENTS) and not cache.has(volume.pixels[0], **ARGUMENTS)


def test_a_pyramid_is_read_at_the_level_that_fits(cache):
    full = np.stack([blob_image(96, 128, seed)[..., 0] for seed in range(2)])
    levels = [full, full[:, ::2, ::2], full[:, ::4, ::4]]
    small = {**ARGUMENTS, "parameters": FeatureParameters(grid=6, working_side=40)}
    Precompute(Stack.of(levels, multiscale=True), cache, FeatureSpec(**small)).run()
    assert cache.has(levels[1][1], **small) and not cache.has(full[1], **small)


def test_a_guide_need_not_have_the_pyramid_of_the_image(cache):
    full = np.stack([blob_image(96, 128, seed)[..., 0] for seed in range(2)])
    guides = np.stack([np.tile(np.arange(128.0) ** (1 + z), (96, 1)) for z in range(2)])
    parameters = FeatureParameters(grid=6, working_side=40)
    spec = FeatureSpec(attention="appearance", guide=Stack.of(guides), device="cpu", parameters=parameters)
    job = Precompute(Stack.of([full, full[:, ::2, ::2]], multiscale=True), cache, spec)
    job.run()
    assert not job.failures and set(job.states.values()) == {FeatureState.READY}


def test_planes_that_are_the_same_take_room_once(volume, cache, tmp_path):
    Precompute(Stack.of(volume.pixels[:1]), cache, SPEC).run()
    same = FeatureCache(tmp_path / "same", disk_bytes=int(2.5 * cache.disk.nbytes))
    job = Precompute(Stack.of(np.stack([volume.pixels[0]] * 6 + [volume.pixels[1]])), same, SPEC)
    job.run()
    assert not job.left_out and set(job.states.values()) == {FeatureState.READY}


def test_what_a_device_too_small_gave_is_stored_for_nobody(volume, cache, monkeypatch):
    def smaller(backbone, image, device, parameters, report, **asked):
        return real(backbone, image, device, replace(parameters, grid=4), report, **asked)

    real = feature_request.read_attention
    with monkeypatch.context() as device:
        device.setattr(feature_request, "read_attention", smaller)
        with pytest.raises(DeviceError, match="Ask for a grid of"):
            Precompute(Stack.of(volume), cache, SPEC).run()
    assert (
        cache.features(volume.pixels[0], **ARGUMENTS).grid_shape
        == compute_features(volume.pixels[0], **ARGUMENTS).grid_shape
    )


def test_planes_that_are_not_there_are_told(volume, cache):
    with pytest.raises(ImageError, match="no plane"):
        Precompute(Stack.of(volume), cache, start=(9,))


class TestMemory:
    """Without a folder: as many planes as memory has room for."""

    def test_the_nearest_are_held_and_the_others_left_out(self, volume):
        each = compute_features(volume.pixels[0], **ARGUMENTS).nbytes
        cache = FeatureCache(memory_bytes=int(3.5 * each))
        job = Precompute(Stack.of(volume), cache, SPEC, start=(2,))
        job.run()
        assert [index for index, state in job.states.items() if state is FeatureState.READY] == [(2,), (1,), (3,)]
        assert job.left_out == ((0,), (4,)) and cache.nbytes <= 3.5 * each
        assert [cache.has(plane, **ARGUMENTS) for plane in volume.pixels] == [False, True, True, True, False]

    def test_a_plane_that_memory_let_go_of_is_missing_again(self, volume):
        cache = FeatureCache()
        job = Precompute(Stack.of(volume), cache, SPEC)
        job.run()
        assert set(job.states.values()) == {FeatureState.READY}
        kept = cache.features(volume.pixels[4], **ARGUMENTS)
        cache.forget()
        assert [index for index, state in job.states.items() if state is FeatureState.READY] == [(4,)]
        del kept


def test_a_plane_let_go_is_begun_again_and_others_may_compute_meanwhile(volume, cache):
    job = Precompute(Stack.of(volume), cache, SPEC)
    told, reached = [], threading.Event()

    def watch(standing):
        told.append(standing)
        if standing.index == (1,) and standing.stage not in ("", "reading") and not reached.is_set():
            job.pause(let_go=True)
            reached.set()

    worker = threading.Thread(target=job.run, args=(watch,))
    worker.start()
    assert reached.wait(60)
    deadline = time.monotonic() + 20
    while job.states[1,] is not FeatureState.MISSING and time.monotonic() < deadline:
        time.sleep(0.01)
    held = len(told)
    cache.features(volume.pixels[1], **ARGUMENTS)
    time.sleep(0.3)
    assert len(told) == held and list(job.states.values()) == [FeatureState.READY] + [FeatureState.MISSING] * 4
    job.resume()
    worker.join(60)
    assert (
        not worker.is_alive() and set(job.states.values()) == {FeatureState.READY} and volume.read == [0, 1, 1, 2, 3, 4]
    )
    assert len(job._spent) == 4, "the plane that another computed meanwhile was not computed again"


def test_planes_in_memory_go_to_a_folder_without_being_computed_again(volume, tmp_path):
    cache = FeatureCache()
    Precompute(Stack.of(volume), cache, SPEC).run()
    cache.disk = FeatureFolder(tmp_path, 10**9)
    stages = []
    job = Precompute(Stack.of(volume), cache, SPEC)
    job.run(lambda standing: stages.append(standing.stage))
    assert set(job.states.values()) == {FeatureState.READY} and "appearance" not in stages
    fresh = FeatureCache(tmp_path)
    for plane in volume.pixels:
        assert fresh.has(plane, **ARGUMENTS)
        assert torch.equal(fresh.features(plane, **ARGUMENTS).transition, cache.features(plane, **ARGUMENTS).transition)


class Lost(Exception):
    """What a pool says of a job that killed its workers."""


def outcome_of(index):
    """Planes that are stored, that fail, that kill and that concern all, by their position."""
    if index == (1,):
        return "ImageError: blank"
    if index == (2,):
        raise Lost("four of them")
    if index == (9,):
        raise MissingWeightsError("no weights")
    return Stored({str(index): 10}, computed=True)


class TestPool:
    """Planes computed elsewhere; threads stand for processes."""

    @pytest.fixture
    def pool(self):
        with ThreadPoolExecutor(2) as executor:
            yield Pool(executor, lambda: 2, (Lost,))

    def test_what_fails_or_is_killed_does_not_end_the_others(self, volume, cache, pool):
        told = []
        job = Precompute(Stack.of(volume), cache)
        job.run(told.append, pool, outcome_of)
        assert [state.value for state in job.states.values()] == ["ready", "failed", "failed", "ready", "ready"]
        assert job.failures[1,] == "ImageError: blank" and "killed, perhaps for want of memory" in job.failures[2,]
        assert [(standing.done, standing.index) for standing in told] == [(n, None) for n in range(1, 6)]
        assert told[-1].seconds_left == 0 and not volume.read

    def test_what_concerns_all_planes_ends_it(self, cache, pool):
        job = Precompute(Stack.of(Volume(10)), cache, start=(9,))
        with pytest.raises(MissingWeightsError):
            job.run(None, pool, outcome_of)
        assert job.states[9,] is FeatureState.MISSING

    def test_no_more_are_begun_than_there_is_room_for(self, volume, tmp_path, pool):
        begun, running, most = [], [], []

        def task(index):
            running.append(index)
            begun.append(index)
            most.append(len(running))
            time.sleep(0.05)
            running.remove(index)
            return Stored({str(index): 10}, computed=True)

        job = Precompute(Stack.of(volume), FeatureCache(tmp_path, disk_bytes=35), start=(2,))
        job.run(None, pool, task)
        assert sorted(begun) == [(1,), (2,), (3,)] and job.left_out == ((0,), (4,))
        assert most[0] == 1, "of the first nothing is known, so it goes alone"

    def test_it_can_be_cancelled(self, volume, cache, pool):
        job = Precompute(Stack.of(volume), cache)
        with pytest.raises(Cancelled):
            job.run(lambda standing: job.cancel(), pool, lambda index: Stored({}, computed=True))
        assert FeatureState.MISSING in job.states.values()
