"""What every test gets: no network, the shared data when it is there, small features that need no model."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NAPARI_CONFIG"] = ""  # napari's settings are neither the user's nor saved
os.environ["HF_HUB_CACHE"] = str(Path(__file__).parent / "no-hub-cache")  # what is on this machine must not matter

import numpy as np
import pytest

LOOPBACK = ("127.0.0.1", "localhost", "::1", None)
SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))


def own_display():
    """Give each of several test processes a display of its own: one has the pointer and the focus, and no other."""
    ours, theirs = os.pipe()
    command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[theirs], stderr=subprocess.DEVNULL)
    os.close(theirs)
    with os.fdopen(ours) as told:
        os.environ["DISPLAY"] = f":{told.readline().strip()}"
    atexit.register(server.terminate)


if "PYTEST_XDIST_WORKER" in os.environ and sys.platform == "linux" and shutil.which("Xvfb"):
    own_display()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Sockets to other machines raise; those of this one (the X server, dask's workers) do not."""

    def refuse(self, address):
        raise AssertionError(f"a test tried to connect to {address}")

    real = socket.socket.connect

    def connect(self, address):
        here = self.family == socket.AF_UNIX or address[0] in LOOPBACK
        return real(self, address) if here else refuse(self, address)

    resolve = socket.getaddrinfo

    def getaddrinfo(host, *rest, **named):
        return resolve(host, *rest, **named) if host in LOOPBACK else refuse(None, host)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the shared data are not at {SHARED} (SHARED_DIR may name another place)")
    return SHARED


def blob_image(height=48, width=64, seed=0):
    """A bright disc and a bright square on a dark ground with a little noise: RGB uint8."""
    row, col = np.mgrid[:height, :width]
    image = np.full((height, width, 3), 40.0)
    image[(row - height / 3) ** 2 + (col - width / 4) ** 2 < (height / 5) ** 2] = (200, 60, 60)
    image[int(height * 0.5) : int(height * 0.9), int(width * 0.6) : int(width * 0.9)] = (60, 60, 200)
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def image():
    return blob_image()


@pytest.fixture(scope="session")
def features(image):
    """Features of ``image`` from the backbone without weights, at a coarse grid."""
    from napari_m2n2v2 import FeatureParameters, compute_features

    return compute_features(image, "appearance", device="cpu", parameters=FeatureParameters(grid=12))


@pytest.fixture(scope="session")
def guided_features(image):
    """The same with a guide: a ramp from left to right."""
    from napari_m2n2v2 import FeatureParameters, compute_features

    guide = np.tile(np.linspace(3.0, 7.0, image.shape[1]), (image.shape[0], 1))
    return compute_features(image, "appearance", guide, device="cpu", parameters=FeatureParameters(grid=12))


@pytest.fixture(scope="session")
def two_workers():
    """A cluster of two processes here: each takes seconds to start, so tests that break none share it."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture
def shared_workers(two_workers, monkeypatch):
    """Whoever asks for workers gets those of the shared cluster."""
    monkeypatch.setattr("distributed.LocalCluster", lambda **named: nullcontext(two_workers))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 800 kB."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not (sys.platform == "linux" and mount("size=800k")):
        pytest.skip("mounting a small disk needs root on Linux")
    yield place, lambda: mount("remount", "ro")
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def one_thread():
    """As the workers of test clusters have: more would round otherwise."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
