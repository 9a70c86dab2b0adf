"""What may happen to a folder of features: a killed writer, a full or read-only disk, two processes at once."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import torch

from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.disk import FeatureFolder, read_entry
from tests.conftest import blob_image

ASKED = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}

WRITE = """
import hashlib, sys
from pathlib import Path
import numpy as np
from napari_m2n2v2.features.disk import FeatureFolder
folder, first = FeatureFolder(Path(sys.argv[1]), 10**8, print), int(sys.argv[2])
folder.save("f" * 64, {"a": np.zeros(3, np.float32)}, {})
print("go", flush=True)
for number in range(first, 10**6):
    key = hashlib.sha256(str(number % 40).encode()).hexdigest()
    folder.save(key, {"a": np.full(500_000, number % 40, np.float32)}, {"number": number % 40})
"""

SHARE = """
import sys
import numpy as np, torch
from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.features.cache import FeatureCache
from tests.conftest import blob_image
torch.set_num_threads(1)
asked = {"attention": "appearance", "device": "cpu", "parameters": FeatureParameters(grid=8)}
images = [blob_image(seed=seed) for seed in range(5)]
expected = [compute_features(image, **asked) for image in images]
cache = FeatureCache(sys.argv[1], memory_bytes=0, disk_bytes=int(sys.argv[2]), notify=lambda m: sys.exit(m))
order = np.random.default_rng(int(sys.argv[3]))
for _ in range(60):
    at = order.integers(5)
    got = cache.features(images[at], **asked, remember=False)
    if not torch.equal(got.transition, expected[at].transition):
        sys.exit("another matrix")
    mine, right = (features.upsampling_operator(guided=True) for features in (got, expected[at]))
    if not np.array_equal(mine.weights, right.weights):
        sys.exit("another operator")
"""

LIMITED = """
import resource, signal, sys
from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.features.cache import FeatureCache
from tests.conftest import blob_image
notes = []
cache = FeatureCache(sys.argv[1], notify=notes.append)
image = blob_image()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for seed in range(2):
    features = cache.features(blob_image(seed=seed), "appearance", device="cpu", parameters=FeatureParameters(grid=8))
    assert features.transition.shape == (63, 63) and features.upsampling_operator(guided=True).nbytes
assert len(notes) == 1 and "cannot be stored" in notes[0] and "too large" in notes[0], notes
"""


def python(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], **options)


def test_kill_9_while_writing_leaves_only_whole_entries(tmp_path):
    rng, interrupted = np.random.default_rng(3), 0
    for attempt in range(6):
        writer = python(WRITE, tmp_path, attempt, stdout=subprocess.PIPE, text=True)
        with writer.stdout:
            assert writer.stdout.readline() == "go\n"
            time.sleep(rng.uniform(0.0, 0.15))
            writer.send_signal(signal.SIGKILL)
            assert writer.wait() == -signal.SIGKILL
        interrupted += bool(list(tmp_path.glob(".m2n2v2-*")))
        for path in tmp_path.glob("[0-9a-e]*.safetensors"):
            arrays, about = read_entry(path, path.name[:64])
            assert arrays["a"].shape == (500_000,) and (arrays["a"] == about["number"]).all()
    assert interrupted, "no writer was killed in the middle: this shows nothing"
    assert list(tmp_path.glob("[0-9a-e]*.safetensors"))
    for path in tmp_path.glob(".m2n2v2-*"):
        os.utime(path, (1000, 1000))
    assert FeatureFolder(tmp_path, 10**8).save("e" * 64, {"a": np.zeros(3, np.float32)}, {})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_two_processes_share_a_folder_with_little_room(tmp_path):
    once = FeatureCache(tmp_path / "one")
    once.features(blob_image(), **ASKED)
    room = int(2.5 * once.disk.nbytes)
    workers = [python(SHARE, tmp_path / "both", room, seed, stderr=subprocess.PIPE) for seed in range(2)]
    outcomes = [worker.communicate()[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outcomes
    assert FeatureFolder(tmp_path / "both", room).nbytes <= room + once.disk.nbytes
    assert not list((tmp_path / "both").glob(".m2n2v2-*"))


def test_a_file_system_that_takes_no_more(tmp_path):
    """Writes end in a real EFBIG."""
    outcome = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "features")], capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
    assert list((tmp_path / "features").iterdir()) == []


def assert_right(features, seed):
    assert torch.equal(features.transition, compute_features(blob_image(seed=seed), **ASKED).transition)


def fill(place, but):
    """Fill a disk but for some bytes."""
    with (place / "other").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(file.tell() - but)


def test_a_full_disk_costs_nothing_but_the_storing(small_disk):
    notes = []
    place, _ = small_disk
    fill(place, but=20_000)  # room for two planes
    cache = FeatureCache(place / "features", memory_bytes=0, notify=notes.append)
    for seed in range(4):
        assert_right(cache.features(blob_image(seed=seed), **ASKED), seed)
    assert len(notes) == 1 and "No space left" in notes[0] and "used all the same" in notes[0]
    assert not list((place / "features").glob(".m2n2v2-*"))
    again = FeatureCache(place / "features", memory_bytes=0, notify=notes.append)
    assert again.has(blob_image(seed=0), **ASKED), "what was stored before is still there"
    for path in (place / "features").iterdir():
        path.unlink()  # somebody makes room
    assert_right(cache.features(blob_image(seed=7), **ASKED), 7)
    assert again.has(blob_image(seed=7), **ASKED) and len(notes) == 1


def test_a_read_only_disk_can_still_be_read(small_disk):
    notes = []
    place, make_read_only = small_disk
    FeatureCache(place / "features").features(blob_image(), **ASKED)
    assert make_read_only()
    cache = FeatureCache(place / "features", notify=notes.append)
    assert cache.has(blob_image(), **ASKED)
    assert_right(cache.features(blob_image(), **ASKED), 0)
    assert not notes
    for seed in (1, 2):
        assert_right(cache.features(blob_image(seed=seed), **ASKED), seed)
    assert len(notes) == 1 and "choose another folder" in notes[0]


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("kept")
    notes = []
    cache = FeatureCache(tmp_path / "file" / "features", notify=notes.append)
    for seed in (1, 2):
        assert_right(cache.features(blob_image(seed=seed), **ASKED), seed)
    assert len(notes) == 1 and (tmp_path / "file").read_text() == "kept"
    assert cache.has(blob_image(seed=2), **ASKED), "memory goes on working"
