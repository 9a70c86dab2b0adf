"""Batches in several processes, here and on a cluster that loses one."""

import os
import shutil
import signal
import sys

import numpy as np
import pytest
from skimage.io import imread, imsave

from napari_m2n2v2 import MissingDependencyError, open_stack, segment_folder
from tests.batch.small_batch import FEW, solved
from tests.conftest import blob_image


class TestWorkers:
    def test_two_workers_give_what_one_gives(self, photos, stack, tmp_path):
        shutil.copytree(stack, photos / "cells.ome.zarr")
        table = "image,t,z,row,col\np0,,,16,16\np1,,,16,16\ncells,1,0,16,16\ncells,0,2,16,16\np2,,,500,16\n"
        (tmp_path / "clicks.csv").write_text(table)
        one = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "one", **FEW)
        two = segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "two", **FEW, workers=2)
        assert [o.done for o in one] == [o.done for o in two] == [2, 1, 1, 0]
        assert one[3].errors == two[3].errors and "line 6" in one[3].errors[0]
        for a, b in zip(one[:3], two[:3], strict=True):
            with open_stack(a.output) as first, open_stack(b.output) as second:
                for index in first.stack:
                    np.testing.assert_array_equal(first.read(index), second.read(index))

    def test_without_dask(self, photos, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(MissingDependencyError, match=r"pip install .*\[stacks\]"):
            segment_folder(photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW, workers=2)

    def test_a_cluster_that_loses_a_worker(self, photos, tmp_path):
        from distributed import Client, LocalCluster

        for n in range(3, 12):
            imsave(photos / f"p{n}.png", blob_image(seed=n))
        killed = []
        with LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster:
            with Client(cluster) as client:
                pids = list(client.run(os.getpid).values())

            def kill_one(done, total):
                if not killed:
                    killed.append(pids[0])
                    os.kill(pids[0], signal.SIGKILL)

            outcomes = segment_folder(
                photos, tmp_path / "clicks.csv", tmp_path / "out", **FEW,
                scheduler=cluster.scheduler_address, finished=kill_one,
            )  # fmt: skip
        assert killed and [o.done for o in outcomes] == [1] * 12
        np.testing.assert_array_equal(imread(tmp_path / "out" / "p2.png"), solved(blob_image(seed=2)))
