"""``napari-m2n2v2 features``, here and on several processes."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import tifffile

from napari_m2n2v2 import Cancelled, FeatureParameters, ParameterError, compute_features
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.precompute_file import precompute_file
from napari_m2n2v2.features.spec import FeatureSpec
from tests.conftest import blob_image

ARGUMENTS = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=6)}
SPEC = FeatureSpec(**ARGUMENTS)
COMMON = ["--attention", "appearance", "--grid", "6", "--device", "cpu"]


def volume(planes=4):
    return np.stack([blob_image(24, 32, seed)[..., 0] for seed in range(planes)]).astype(np.uint16) * 16


@pytest.fixture
def tiff(tmp_path):
    path = tmp_path / "volume.tif"
    tifffile.imwrite(path, volume(), photometric="minisblack")
    return path


@pytest.fixture
def with_blank(tmp_path):
    pixels = volume().astype(np.float32)
    pixels[2] = 7
    tifffile.imwrite(tmp_path / "blank.tif", pixels, photometric="minisblack")
    return tmp_path / "blank.tif"


def assert_all_there(folder, planes=4):
    for plane in volume(planes):
        assert FeatureCache(folder).has(plane, **ARGUMENTS)


class TestCommand:
    def test_features_of_a_tiff(self, tiff, tmp_path, capsys):
        folder = tmp_path / "features"
        assert main(["features", str(tiff), "--cache", str(folder), "--from", "2", *COMMON]) == 0
        assert_all_there(folder)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 4 and lines[-1] == "4 of 4 planes, 0 s left"
        assert main(["features", str(tiff), "--cache", str(folder), *COMMON]) == 0
        assert "left" not in capsys.readouterr().err, "nothing was computed"

    def test_a_guide_by_name(self, tiff, tmp_path):
        folder = tmp_path / "features"
        assert main(["features", str(tiff), "--cache", str(folder), "--guide", "lightness", *COMMON]) == 0
        assert FeatureCache(folder).has(volume()[1], "appearance", "lightness", parameters=SPEC.parameters)

    def test_what_goes_wrong_is_told(self, tiff, tmp_path, capsys):
        folder = str(tmp_path / "features")
        assert main(["features", str(tmp_path / "no.tif"), "--cache", folder]) == 1
        assert "no.tif" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", folder, "--from", "9", *COMMON]) == 1
        assert "no plane (9,)" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", str(tiff / "below"), *COMMON]) == 1
        assert "Cannot make the folder" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", folder, "--limit", "0.000008", *COMMON]) == 1
        assert "planes left out" in capsys.readouterr().err
        with pytest.raises(SystemExit):
            main(["features", str(tiff), "--cache", folder, "--from", "x"])

    def test_planes_that_are_blank_are_named(self, with_blank, tmp_path, capsys):
        assert main(["features", str(with_blank), "--cache", str(tmp_path / "f"), *COMMON]) == 1
        assert "plane 2: ImageError: There is nothing to tell apart here" in capsys.readouterr().err


class TestDask:
    @pytest.mark.usefixtures("shared_workers")
    def test_two_workers_give_what_one_gives(self, with_blank, tmp_path, capsys):
        folder = tmp_path / "features"
        assert main(["features", str(with_blank), "--cache", str(folder), "--workers", "2", *COMMON]) == 1
        told = capsys.readouterr().err
        assert "4 of 4 planes" in told and "plane 2: ImageError: There is nothing to tell apart here" in told
        pixels = volume().astype(np.float32)
        for z in (0, 1, 3):
            assert FeatureCache(folder).has(pixels[z], **ARGUMENTS)
        stored = FeatureCache(folder).features(pixels[3], **ARGUMENTS)
        expected = compute_features(pixels[3], **ARGUMENTS)
        np.testing.assert_allclose(stored.transition.numpy(), expected.transition.numpy(), rtol=1e-4, atol=1e-7)

    def test_the_plane_of_a_killed_worker_is_done_again(self, tmp_path):
        from distributed import LocalCluster

        tifffile.imwrite(tmp_path / "v.tif", volume(12), photometric="minisblack")
        folder, killed, done = tmp_path / "features", [], []
        with LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster:
            pids = [worker.pid for worker in cluster.workers.values()]

            def progress(standing):
                done.append(standing.done)
                if standing.done == 3:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])

            run = precompute_file(
                tmp_path / "v.tif", folder, SPEC, scheduler=cluster.scheduler_address, progress=progress
            )
        assert killed and not run.failures and not run.left_out and done[-1] == 12
        assert_all_there(folder, 12)

    @pytest.mark.usefixtures("shared_workers")
    def test_the_level_that_fits_is_read_and_the_farthest_are_left_out(self, tmp_path):
        full = np.stack([blob_image(220, 240, seed)[..., 0] for seed in range(5)])
        path, folder = tmp_path / "p.ome.tif", tmp_path / "f"
        with tifffile.TiffWriter(path, ome=True) as writer:
            writer.write(full, subifds=1, tile=(64, 64), metadata={"axes": "ZYX"})
            writer.write(full[:, ::2, ::2], subfiletype=1, tile=(64, 64))
        parameters = FeatureParameters(grid=6, working_side=100)
        spec = FeatureSpec(attention="appearance", device="cpu", parameters=parameters)
        run = precompute_file(path, folder, spec, start=(2,), workers=1)
        assert run.left_out == ()
        cache = FeatureCache(folder)
        named = {"attention": "appearance", "device": "cpu", "parameters": parameters}
        assert all(cache.has(plane[::2, ::2], **named) for plane in full)
        small = tmp_path / "small"
        most = int(3.5 * cache.disk.nbytes / 5)
        run = precompute_file(path, small, spec, start=(2,), workers=2, disk_bytes=most)
        there = [FeatureCache(small).has(plane[::2, ::2], **named) for plane in full]
        assert run.left_out == ((0,), (4,)) and there == [False, True, True, True, False]

    @pytest.mark.usefixtures("shared_workers")
    def test_stopping_ends_the_tasks(self, tiff, tmp_path):
        def stop(standing):
            raise Cancelled("enough")

        begun, threads = time.monotonic(), threading.active_count()  # other tests may have left some
        with pytest.raises(Cancelled):
            precompute_file(tiff, tmp_path / "features", SPEC, workers=2, progress=stop)
        assert time.monotonic() - begun < 60
        assert threading.active_count() < threads + 50

    @pytest.mark.usefixtures("shared_workers")
    def test_what_no_worker_can_do_ends_the_run(self, tiff, tmp_path, capsys):
        folder = str(tmp_path / "features")
        command = ["features", str(tiff), "--cache", folder, "--workers", "2", "--attention", "stable-diffusion-2"]
        assert main(command) == 1
        assert "weights" in capsys.readouterr().err
        with pytest.raises(ParameterError, match="name the attention"):
            precompute_file(tiff, tmp_path, FeatureSpec(guide=volume()[0]), workers=2)
        with pytest.raises(ParameterError, match="No dask scheduler"):
            precompute_file(tiff, tmp_path, SPEC, scheduler="nowhere")
