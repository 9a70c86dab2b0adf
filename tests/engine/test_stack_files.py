"""Volumes on disk, opened without reading them, and ``napari-m2n2v2 features``."""

import os
import signal
import threading
import time

import numpy as np
import pytest
import tifffile
import zarr

from napari_m2n2v2 import Cancelled, FeatureParameters, ParameterError, UnreadableFileError, compute_features
from napari_m2n2v2.cli import main
from napari_m2n2v2.feature_cache import FeatureCache
from napari_m2n2v2.precompute import Asked
from napari_m2n2v2.precompute_cluster import precompute_on_dask
from napari_m2n2v2.stack_files import open_stack

from ..conftest import blob_image

ASKED = Asked(attention="appearance", device="cpu", parameters=FeatureParameters(grid=6))
COMMON = ["--attention", "appearance", "--grid", "6", "--device", "cpu"]


def volume(planes=4):
    return np.stack([blob_image(24, 32, seed)[..., 0] for seed in range(planes)]).astype(np.uint16) * 16


@pytest.fixture
def tiff(tmp_path):
    path = tmp_path / "volume.tif"
    tifffile.imwrite(path, volume(), photometric="minisblack")
    return path


@pytest.fixture
def with_nan(tmp_path):
    pixels = volume().astype(np.float32)
    pixels[2, 0, 0] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", pixels, photometric="minisblack")
    return tmp_path / "nan.tif"


def resident():
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class TestOpening:
    @pytest.mark.parametrize(
        "options", [{}, {"compression": "zlib"}, {"imagej": True}], ids=["plain", "zlib", "imagej"]
    )
    def test_tiff(self, tmp_path, options):
        tifffile.imwrite(tmp_path / "v.tif", volume(), photometric="minisblack", **options)
        stack = open_stack(tmp_path / "v.tif")
        assert stack.shape == (4, 24, 32) and not stack.rgb
        for index in stack:
            np.testing.assert_array_equal(stack.read(index), volume()[index])

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_tiff_with_more_axes_and_colour(self, tmp_path, compression):
        pixels = np.random.default_rng(0).integers(0, 255, (2, 3, 16, 20), np.uint8)
        tifffile.imwrite(tmp_path / "v.ome.tif", pixels, metadata={"axes": "TZYX"}, compression=compression)
        stack = open_stack(tmp_path / "v.ome.tif")
        np.testing.assert_array_equal(stack.read((1, 2)), pixels[1, 2])
        colour = np.random.default_rng(0).integers(0, 255, (5, 16, 20, 3), np.uint8)
        tifffile.imwrite(tmp_path / "c.tif", colour, photometric="rgb", compression=compression)
        stack = open_stack(tmp_path / "c.tif")
        assert stack.rgb and len(stack) == 5
        np.testing.assert_array_equal(stack.read((3,)), colour[3])

    @pytest.mark.parametrize("version", [2, 3])
    @pytest.mark.parametrize("group", [False, True])
    def test_zarr(self, tmp_path, version, group):
        path = tmp_path / "v.zarr"
        place = zarr.open_group(path, mode="w", zarr_format=version) if group else None
        if place is None:
            array = zarr.create_array(path, shape=(4, 24, 32), chunks=(1, 24, 32), dtype="uint16", zarr_format=version)
        else:
            array = place.create_array("0", shape=(4, 24, 32), chunks=(1, 24, 32), dtype="uint16")
        array[:] = volume()
        stack = open_stack(path)
        for index in stack:
            np.testing.assert_array_equal(stack.read(index), volume()[index])

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_a_plane_costs_no_more_memory_than_a_plane(self, tmp_path, compression):
        path = tmp_path / "large.tif"
        with tifffile.TiffWriter(path) as file:  # 256 MB of planes of 2 MB
            file.write(
                (np.full((1024, 1024), z, np.uint16) for z in range(128)),
                shape=(128, 1024, 1024), dtype=np.uint16, compression=compression, photometric="minisblack",
            )  # fmt: skip
        before = resident()
        stack = open_stack(path)
        for z in (0, 77, 127):
            assert stack.read((z,)).mean() == z
        assert resident() - before < 30e6

    def test_a_page_is_one_plane_or_it_is_told(self, tmp_path):
        pixels = volume(3)  # all in one page
        tifffile.imwrite(tmp_path / "v.tif", pixels, photometric="rgb", planarconfig="separate", compression="zlib")
        with pytest.raises(UnreadableFileError, match="one plane each"):
            open_stack(tmp_path / "v.tif")

    def test_what_is_no_stack_is_told(self, tmp_path):
        (tmp_path / "v.tif").write_text("no tiff")
        (tmp_path / "v.png").write_text("no tiff")
        (tmp_path / "empty").mkdir()
        zarr.open_group(tmp_path / "group.zarr", mode="w")
        for name in ("v.tif", "v.png", "empty", "group.zarr", "nothing"):
            with pytest.raises(UnreadableFileError, match=name):
                open_stack(tmp_path / name)


def assert_all_there(folder, planes=4):
    for plane in volume(planes):
        assert FeatureCache(folder).has(plane, **ASKED.of(()))


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
        assert FeatureCache(folder).has(volume()[1], "appearance", "lightness", parameters=ASKED.parameters)

    def test_what_goes_wrong_is_told(self, tiff, tmp_path, capsys):
        folder = str(tmp_path / "features")
        assert main(["features", str(tmp_path / "no.tif"), "--cache", folder]) == 1
        assert "there is nothing at" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", folder, "--from", "9", *COMMON]) == 1
        assert "no plane (9,)" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", str(tiff / "below"), *COMMON]) == 1
        assert "cannot be stored" in capsys.readouterr().err
        assert main(["features", str(tiff), "--cache", folder, "--limit", "0.0001", *COMMON]) == 1
        assert "planes left out" in capsys.readouterr().err
        with pytest.raises(SystemExit):
            main(["features", str(tiff), "--cache", folder, "--from", "x"])

    def test_planes_with_nan_are_named(self, with_nan, tmp_path, capsys):
        assert main(["features", str(with_nan), "--cache", str(tmp_path / "f"), *COMMON]) == 1
        assert "plane 2: ImageError: 1 pixel values are NaN" in capsys.readouterr().err


class TestDask:
    def test_two_workers_give_what_one_gives(self, with_nan, tmp_path, capsys):
        folder = tmp_path / "features"
        assert main(["features", str(with_nan), "--cache", str(folder), "--workers", "2", *COMMON]) == 1
        told = capsys.readouterr().err
        assert "4 of 4 planes" in told and "plane 2: ImageError: 1 pixel values are NaN" in told
        pixels = volume().astype(np.float32)
        for z in (0, 1, 3):
            assert FeatureCache(folder).has(pixels[z], **ASKED.of(()))
        stored = FeatureCache(folder).features(pixels[3], **ASKED.of(()))
        expected = compute_features(pixels[3], **ASKED.of(()))
        np.testing.assert_allclose(stored.transition.numpy(), expected.transition.numpy(), rtol=1e-4, atol=1e-7)

    def test_the_plane_of_a_killed_worker_is_done_again(self, tmp_path):
        from distributed import LocalCluster

        tifffile.imwrite(tmp_path / "v.tif", volume(12), photometric="minisblack")
        folder, killed, done = tmp_path / "features", [], []
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            pids = [worker.pid for worker in cluster.workers.values()]

            def progress(standing):
                done.append(standing.done)
                if standing.done == 3:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])

            failures = precompute_on_dask(
                tmp_path / "v.tif", folder, ASKED, scheduler=cluster.scheduler_address, progress=progress
            )
        assert killed and not failures and done[-1] == 12
        assert_all_there(folder, 12)

    def test_stopping_ends_the_tasks(self, tiff, tmp_path):
        def stop(standing):
            raise Cancelled("enough")

        begun = time.monotonic()
        with pytest.raises(Cancelled):
            precompute_on_dask(tiff, tmp_path / "features", ASKED, workers=2, progress=stop)
        assert time.monotonic() - begun < 60
        assert threading.active_count() < 50

    def test_what_no_worker_can_do_ends_the_run(self, tiff, tmp_path, capsys):
        folder = str(tmp_path / "features")
        command = ["features", str(tiff), "--cache", folder, "--workers", "2", "--attention", "stable-diffusion-2"]
        assert main(command) == 1
        assert "weights" in capsys.readouterr().err
        with pytest.raises(ParameterError, match="name the attention"):
            precompute_on_dask(tiff, tmp_path, Asked(guide=open_stack(tiff)))
        with pytest.raises(ParameterError, match="No dask scheduler"):
            precompute_on_dask(tiff, tmp_path, ASKED, scheduler="nowhere")
