"""Attention and depth read by a cluster's workers: the same as here, on GPUs where there are any, and stopped."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from skimage.data import coffee
from skimage.io import imread, imsave

from napari_m2n2v2 import (
    Cancelled,
    Cluster,
    ClusterError,
    FeatureParameters,
    FeatureSpec,
    MissingDependencyError,
    MissingWeightsError,
    Session,
    UnknownBackboneError,
    compute_features,
)
from napari_m2n2v2.backbones.self_attention import attention_of, keeping
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.clicks import Click
from napari_m2n2v2.features.compute import compute
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import FeatureRequest
from tests.backbones.tiny_models import save_depth_anything, save_stable_diffusion
from tests.features.there import until_stopped, who

SMALL = FeatureParameters(grid=14)
ALONE = {
    "processes": False,
    "host": "127.0.0.1",
    "protocol": "tcp",
    "dashboard_address": "127.0.0.1:0",
}  # in this process


@pytest.fixture
def cluster(two_workers):
    return Cluster(two_workers.scheduler_address)


@pytest.mark.usefixtures("one_thread")
class TestTheSame:
    @pytest.mark.parametrize("attention", ["offline", "appearance"])
    def test_features_and_masks_are_those_of_here(self, cluster, attention):
        photo, told = coffee()[::3, ::3].copy(), []
        here = compute_features(photo, attention, device="cpu", parameters=SMALL)
        backbone = cluster.attention(attention)
        assert backbone.long_chains == (attention == "appearance")
        there = compute_features(photo, backbone, device="cpu", parameters=SMALL, progress=lambda *at: told.append(at))
        assert torch.equal(here.transition, there.transition) and there.backbone == attention
        assert here.weights_revision == there.weights_revision and cluster.address in there.chosen_because
        clicks = [Click(60, 90), Click(20, 30, foreground=False)]
        masks = [Session(features).replay(clicks).mask for features in (here, there)]
        np.testing.assert_array_equal(*masks)
        assert any(stage.endswith(f"on {cluster.address}") for _, stage in told)
        assert [share for share, _ in told] == sorted(share for share, _ in told)

    def test_the_flip_and_depth_too(self, cluster, image, tmp_path):
        depth = str(save_depth_anything(tmp_path / "depth"))
        spec = FeatureSpec("offline", depth, "cpu", parameters=FeatureParameters(grid=8, test_time_flip=True))
        requests = [FeatureRequest.of(image, one) for one in (spec, cluster.spec(spec))]
        assert FeatureKeys.of(requests[0]) == FeatureKeys.of(requests[1])  # so that stored features are found again
        here, there = (compute(request, lambda *_: None) for request in requests)
        assert torch.equal(here.transition, there.transition)
        np.testing.assert_array_equal(here.guide, there.guide)

    def test_several_layers_in_half_precision_are_kept_as_they_are(self, image, tmp_path):
        from napari_m2n2v2 import find_backbone

        folder = str(save_stable_diffusion(tmp_path / "sd"))
        backbone = find_backbone(folder, dtype=torch.bfloat16).backbone
        at = image, (6, 8), torch.device("cpu"), lambda *_: None
        with keeping(making=False) as kept:
            backbone.attention(*at)
        assert len(kept) == 2 and kept[0].query.dtype == torch.bfloat16
        assert torch.equal(attention_of(kept, torch.device("cpu"), lambda _: None), backbone.attention(*at))

    def test_at_a_shell(self, cluster, image, tmp_path):
        imsave(tmp_path / "photo.png", image)
        command = ["segment", str(tmp_path / "photo.png"), "--fg", "16,16", "--attention", "appearance", "--grid", "12"]
        for name, where in (("here", []), ("there", ["--scheduler", cluster.address])):
            assert main([*command, "--device", "cpu", "-o", str(tmp_path / f"{name}.png"), *where]) == 0
        np.testing.assert_array_equal(imread(tmp_path / "here.png"), imread(tmp_path / "there.png"))


class TestFailures:
    def test_what_is_wrong_there_is_named_with_the_place(self, cluster):
        with pytest.raises(MissingWeightsError, match=rf"On {cluster.address}: The weights of"):
            _ = cluster.attention("stable-diffusion-2").name
        with pytest.raises(UnknownBackboneError, match="On tcp"):
            _ = cluster.depth("resnet").name

    def test_nobody_at_the_address(self):
        with pytest.raises(ClusterError, match="No dask scheduler answers at 'nowhere'"):
            _ = Cluster("nowhere").attention().name

    def test_no_worker(self):
        from distributed import LocalCluster

        with LocalCluster(**ALONE, n_workers=0) as empty:
            begun = time.monotonic()
            with pytest.raises(ClusterError, match="No worker is left"):
                _ = Cluster(empty.scheduler_address, patience=0.5).attention().name
            assert time.monotonic() - begun < 8

    def test_without_dask(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(MissingDependencyError, match=r"pip install .*\[stacks\]"):
            _ = Cluster("tcp://127.0.0.1:1").attention().name

    def test_stopping_stops_the_worker(self, cluster, tmp_path):
        file, seen = tmp_path / "said", []

        def report(share, stage):
            seen.append(stage)
            if stage.startswith("working on"):
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            cluster.run(until_stopped, str(file), report=report)
        for _ in range(200):
            if file.exists():
                break
            time.sleep(0.05)
        assert file.read_text() == "stopped" and seen[0] == f"connecting with {cluster.address}"


def test_workers_with_a_gpu_are_asked_where_there_are_any():
    from distributed import Scheduler, SpecCluster, Worker

    on = {"cls": Scheduler, "options": {"dashboard": False, "port": 0, "host": "127.0.0.1"}}
    workers = {
        name: {"cls": Worker, "options": {"nthreads": 1, "resources": resources, "dashboard": False}}
        for name, resources in (("cpu", {}), ("gpu", {"GPU": 1}))
    }
    with SpecCluster(workers=workers, scheduler=on) as some:
        gpu = some.workers["gpu"].address
        cluster = Cluster(some.scheduler_address)
        assert [cluster.run(who) for _ in range(4)] == [gpu] * 4


@pytest.mark.slow  # 12 s: two processes that import torch
def test_a_worker_from_the_command_line(image):
    command = [sys.executable, "-m", "napari_m2n2v2.cli", "worker", "--listen", "localhost:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"listens at (tcp://\S+)", process.stdout.readline())[1]
        assert "a worker with" in process.stdout.readline()
        there = Cluster(address).attention("appearance")
        features = compute_features(image, there, parameters=FeatureParameters(grid=8))
        assert features.grid_shape == (7, 9)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        process.stdout.close()
