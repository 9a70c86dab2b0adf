"""Features for the dock from a dask cluster: the same masks; workers and schedulers that go; nothing waits for ever."""

import os
import signal
import threading

import dask
import numpy as np
import pytest
from qtpy.QtCore import Qt
from skimage.data import coffee

from napari_m2n2v2 import Session, compute_features
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.errors import ClusterError
from napari_m2n2v2.features.cluster import Cluster
from napari_m2n2v2.features.states import FeatureState
from napari_m2n2v2.parameters import FeatureParameters
from tests.features.test_cluster import ALONE
from tests.napari.conftest import same


@pytest.fixture
def own_cluster(monkeypatch):
    """A scheduler and two workers in this process, which may be lost."""
    from distributed import LocalCluster

    monkeypatch.setattr("napari_m2n2v2.features.cluster._CONNECTING", 1.0)
    quick = dask.config.set({"distributed.comm.timeouts.connect": "2s"})  # closing asks a scheduler that is gone
    with quick, LocalCluster(**ALONE, n_workers=2, threads_per_worker=1) as cluster:
        yield cluster


class Slow:
    """Attention that is begun, and goes on when it may; each worker's thread is another."""

    def __init__(self, monkeypatch):
        self.begun, self.may_go_on, self.dead = [], threading.Event(), set()
        real = AppearanceAttention.attention

        def slowly(backbone, image, grid, device, progress):
            self.begun.append(threading.get_ident())
            while not self.may_go_on.wait(0.02):
                progress(0.5, "slowly")
                if threading.get_ident() in self.dead:  # as its process would be
                    raise SystemExit
            return real(backbone, image, grid, device, progress)

        monkeypatch.setattr(AppearanceAttention, "attention", slowly)


@pytest.fixture
def slow(monkeypatch):
    slow = Slow(monkeypatch)
    yield slow
    slow.may_go_on.set()


def type_address(dock, text):
    """Type where to compute, and Enter."""
    line = dock.widget.backbones.compute_on.lineEdit()
    line.selectAll()
    dock.qtbot.keyClicks(line, text)
    dock.qtbot.keyClick(line, Qt.Key.Key_Return)


def as_here(dock, image, clicks, **how):
    """The labels of a fresh session with features that were computed here."""
    settings = dock.controller.state.settings
    features = compute_features(
        image, settings.attention, device="cpu", parameters=FeatureParameters(grid=settings.grid), **how
    )
    return Session(features).replay(clicks).labels


def waits_for_answer(dock):
    dock.qtbot.waitUntil(lambda: bool(dock.controller.features.elsewhere.lost), timeout=30_000)
    assert dock.widget.lost.isVisibleTo(dock.widget) and not dock.errors


@pytest.mark.usefixtures("one_thread")
def test_features_come_from_there_and_masks_are_the_same(real_dock, two_workers, image):
    texts = []
    real_dock.controller.activity.changed.connect(lambda: texts.append(real_dock.widget.progress.toolTip()))
    type_address(real_dock, two_workers.scheduler_address)
    real_dock.start(real_dock.viewer.add_image(image), wait=False)
    real_dock.points.add([16, 16])
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.solution is not None, timeout=60_000)
    real_dock.settle()
    same(real_dock.labels, as_here(real_dock, image, real_dock.workspace.clicks))
    address = two_workers.scheduler_address
    assert any(f"on {address}" in text for text in texts)
    assert address in real_dock.workspace.features.chosen_because and not real_dock.errors
    type_address(real_dock, "this computer")  # features are the same wherever they were computed
    assert real_dock.workspace.state is FeatureState.READY
    assert real_dock.controller.features.elsewhere.address == ""


@pytest.mark.usefixtures("one_thread")
def test_a_scheduler_that_goes_is_asked_about_and_clicks_wait(real_dock, own_cluster, slow, image):
    type_address(real_dock, own_cluster.scheduler_address)
    real_dock.start(real_dock.viewer.add_image(image), wait=False)
    real_dock.qtbot.waitUntil(lambda: bool(slow.begun), timeout=30_000)
    real_dock.points.add([16, 16])
    own_cluster.loop.add_callback(own_cluster.scheduler.close)
    waits_for_answer(real_dock)
    real_dock.points.add([33, 48])
    assert real_dock.workspace.state is FeatureState.COMPUTING and not real_dock.labels.any()
    assert "2 clicks wait for features" in real_dock.widget.hint.text()
    real_dock.widget.lost.again.click()
    waits_for_answer(real_dock)
    slow.may_go_on.set()
    real_dock.widget.lost.here.click()
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.solution is not None, timeout=60_000)
    real_dock.settle()
    assert not real_dock.widget.lost.isVisibleTo(real_dock.widget) and not real_dock.errors
    assert real_dock.widget.backbones.compute_on.currentText() == "this computer"
    same(real_dock.labels, as_here(real_dock, image, real_dock.workspace.clicks))


def test_another_worker_goes_on_where_one_is_closed(real_dock, own_cluster, slow, image):
    type_address(real_dock, own_cluster.scheduler_address)
    real_dock.start(real_dock.viewer.add_image(image), wait=False)
    real_dock.qtbot.waitUntil(lambda: bool(slow.begun), timeout=30_000)
    (busy,) = (worker for worker in own_cluster.workers.values() if worker.state.executing_count)
    own_cluster.loop.add_callback(busy.close, executor_wait=False)
    slow.dead.add(slow.begun[0])
    real_dock.qtbot.waitUntil(lambda: len(slow.begun) == 2, timeout=30_000)
    slow.may_go_on.set()
    real_dock.qtbot.waitUntil(lambda: real_dock.workspace.state is FeatureState.READY, timeout=30_000)
    assert len(set(slow.begun)) == 2 and not real_dock.errors


def test_cancel_lets_go_of_the_cluster_and_of_the_question(real_dock, own_cluster, slow, image):
    real_dock.controller.features.elsewhere.use(own_cluster.scheduler_address)
    layer = real_dock.viewer.add_image(image)
    real_dock.start(layer, wait=False)
    real_dock.qtbot.waitUntil(lambda: bool(slow.begun), timeout=30_000)
    real_dock.widget.cancel.click()
    assert real_dock.workspace.state is FeatureState.MISSING
    workers = own_cluster.workers.values()
    real_dock.qtbot.waitUntil(lambda: not any(w.state.executing_count for w in workers), timeout=30_000)
    own_cluster.close()
    real_dock.start(layer, wait=False)
    waits_for_answer(real_dock)
    real_dock.controller.features.cancel()
    assert real_dock.workspace.state is FeatureState.MISSING
    assert not real_dock.widget.lost.isVisibleTo(real_dock.widget)


def test_what_is_no_address_is_told(real_dock):
    type_address(real_dock, "the big machine")
    assert "Expected a dask scheduler's address" in real_dock.errors[0]
    assert real_dock.widget.backbones.compute_on.currentText() == "this computer"


@pytest.mark.slow  # 30 s: two processes of their own, with a real model
@pytest.mark.usefixtures("one_thread")
def test_a_worker_killed_half_way(real_dock):
    from distributed import Client, LocalCluster

    photo = coffee()
    real_dock.controller.settings.change(attention="offline", grid=48)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster:
        type_address(real_dock, cluster.scheduler_address)
        pids = {worker.worker_address: worker.pid for worker in cluster.workers.values()}
        killed, shares = [], []
        with Client(cluster, set_as_default=False) as client:

            def kill(share, stage):
                shares.append(share)
                if not killed and stage.startswith("attention on"):
                    busy = [address for address, keys in client.processing().items() if keys]
                    killed.extend(pids[address] for address in busy)
                    os.kill(killed[0], signal.SIGKILL)

            real_dock.controller.state.progressed.connect(kill)
            real_dock.start(real_dock.viewer.add_image(photo), wait=False)
            real_dock.points.add([230, 300])
            real_dock.qtbot.waitUntil(lambda: real_dock.workspace.solution is not None, timeout=120_000)
        real_dock.settle()
    assert len(killed) == 1 and not real_dock.errors
    expected = as_here(real_dock, photo, real_dock.workspace.clicks)
    same(real_dock.labels, expected)
    assert expected.any()


def test_preparing_slices_ends_with_what_is_wrong(real_dock, volume, monkeypatch):
    def lost(self, *given, **named):
        raise ClusterError("The connection with tcp://x:1 was lost.")

    layer = real_dock.viewer.add_image(volume)
    real_dock.start(layer)
    monkeypatch.setattr(Cluster, "run", lost)
    real_dock.controller.features.elsewhere.use("tcp://x:1")
    real_dock.widget.prepare.preparing.start()
    real_dock.qtbot.waitUntil(lambda: not real_dock.widget.prepare.preparing.is_running, timeout=30_000)
    assert "lost" in real_dock.errors[0]
    assert np.any([mark is FeatureState.READY for mark in real_dock.widget.prepare.preparing.marks().values()])
