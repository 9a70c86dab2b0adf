"""Stored features: the same bits as computed ones, whatever happens to the folder."""

import json
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from napari_m2n2v2 import Cancelled, Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.backbones.appearance import AppearanceAttention
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.disk import FeatureFolder, read_entry, write_entry
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec

from ..conftest import blob_image

COARSE = FeatureParameters(grid=8)
KEY = "0" * 64
ASKED = {"attention": "appearance", "device": "cpu", "parameters": COARSE}


class Counting(AppearanceAttention):
    """The backbone without weights, counting what it is asked for."""

    def __init__(self, look=0.25):
        super().__init__(look)
        self._reads = []

    def attention(self, image, grid_shape, device, progress):
        self._reads.append(image)
        return super().attention(image, grid_shape, device, progress)

    @property
    def reads(self):
        return len(self._reads)


class Ramp:
    """A source of depth: left is far."""

    name, weights_revision = "ramp", "1"

    def __init__(self, slope=1.0):
        self.slope = slope
        self._reads = []

    @property
    def reads(self):
        return len(self._reads)

    def release(self):
        pass

    def depth(self, image, device, progress):
        self._reads.append(image)
        return np.tile(np.arange(image.shape[1], dtype=np.float32) * self.slope, (image.shape[0], 1))


@pytest.fixture
def notes():
    return []


@pytest.fixture
def cache(tmp_path, notes):
    return FeatureCache(tmp_path / "project" / "features", notify=notes.append)


def again(cache, **changes):
    """A cache of the same folder, as after the next start."""
    told = cache.disk._notify
    return FeatureCache(cache.disk.folder, **{"disk_bytes": cache.disk.most_bytes, "notify": told, **changes})


def assert_same(got, expected):
    for name in ("shape", "grid_shape", "parameters", "backbone", "weights_revision", "chosen_because", "guide_from"):
        assert getattr(got, name) == getattr(expected, name)
    assert torch.equal(got.transition, expected.transition) and got.transition.device == expected.transition.device
    np.testing.assert_array_equal(got.image, expected.image)
    np.testing.assert_array_equal(got.guide, expected.guide)
    for guided in (True, False):
        mine, theirs = (features.upsampling_operator(guided=guided) for features in (got, expected))
        for name in ("weights", "unit", "first_row", "first_col"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


class TestExactness:
    @pytest.mark.parametrize("guide", [None, "lightness", "ramp", "given"])
    def test_what_comes_from_disk_is_what_is_computed(self, cache, image, guide, notes):
        if guide == "ramp":
            guide = Ramp()
        if guide == "given":
            guide = np.linspace(0, 1, image[..., 0].size).reshape(image.shape[:2])
        expected = compute_features(image, guide=guide, **ASKED)
        assert_same(cache.features(image, guide=guide, **ASKED), expected)
        backbone = Counting()
        stored = again(cache)
        assert stored.has(image, guide=guide, **ASKED)
        assert_same(stored.features(image, guide=guide, **ASKED), expected)
        assert backbone.reads == 0 and not notes
        clicks = [Click(16, 16), Click(35, 48, foreground=False)]
        np.testing.assert_array_equal(
            Session(again(cache).features(image, guide=guide, **ASKED)).replay(clicks).mask,
            Session(expected).replay(clicks).mask,
        )

    def test_an_image_over_the_working_size_keeps_its_own_shape(self, cache, image):
        small = replace(COARSE, working_side=24)
        cache.features(image, "appearance", parameters=small)
        got = again(cache).features(image, "appearance", parameters=small)
        assert got.shape == image.shape[:2] and got.image.shape[:2] == (24, 32)

    def test_a_flat_depth_is_remembered_as_such(self, cache, image):
        cache.features(image, guide=Ramp(0.0), **ASKED)
        depth = Ramp(0.0)
        assert again(cache).has(image, guide=depth, **ASKED)
        got = again(cache).features(image, guide=depth, **ASKED)
        assert got.guide is None and depth.reads == 0

    def test_entries_are_safetensors_for_everyone(self, cache, image):
        features = cache.features(image, **ASKED)
        keys = FeatureKeys.of(FeatureRequest.of(image, FeatureSpec(**ASKED)))
        with safe_open(cache.disk.path(keys.transition), "pt") as entry:
            assert torch.equal(entry.get_tensor("transition"), features.transition)
            assert json.loads(entry.metadata()["about"])["backbone"] == "appearance"
        with safe_open(cache.disk.path(keys.operator), "np") as entry:
            for name in ("weights", "unit", "first_row", "first_col"):
                expected = getattr(features.upsampling_operator(guided=True), name)
                np.testing.assert_array_equal(entry.get_tensor(name), expected)


class TestKeys:
    def test_nothing_is_computed_twice(self, cache, image):
        backbone = Counting()
        first = cache.features(image, backbone, parameters=COARSE)
        assert cache.features(image.copy(), backbone, parameters=COARSE) is first
        other = Counting()
        again(cache).features(image, other, parameters=COARSE)
        assert (backbone.reads, other.reads) == (1, 0)

    @pytest.mark.parametrize(
        "change",
        [
            {"grid": 9}, {"temperature": 0.7}, {"ipf_rounds": 3}, {"ipf_tolerance": 1e-3}, {"test_time_flip": True},
            {"working_side": 20},
        ],
        ids=lambda change: next(iter(change)),
    )  # fmt: skip
    def test_what_changes_attention_is_computed(self, cache, image, change):
        backbone = Counting()
        cache.features(image, backbone, parameters=COARSE)
        changed = replace(COARSE, **change)
        assert not cache.has(image, backbone, parameters=changed)
        assert_same(
            cache.features(image, backbone, parameters=changed), compute_features(image, backbone, parameters=changed)
        )
        assert backbone.reads == 3 + change.get("test_time_flip", 0) * 2

    def test_one_pixel_the_weights_and_an_option_matter(self, cache, image):
        cache.features(image, Counting(), parameters=COARSE)
        nearly = image.copy()
        nearly[3, 4, 1] ^= 1
        other_weights = Counting()
        other_weights.weights_revision = "2"
        assert not cache.has(nearly, Counting(), parameters=COARSE)
        assert not cache.has(image, other_weights, parameters=COARSE)
        assert not cache.has(image, Counting(look=0.3), parameters=COARSE)
        assert cache.has(image, Counting(), parameters=COARSE)

    @pytest.mark.parametrize("change", [{"sigma_range": 0.2}, {"sigma_spatial": 1.5}])
    def test_another_window_or_guide_needs_no_other_attention(self, cache, image, change):
        backbone, depth = Counting(), Ramp()
        cache.features(image, backbone, depth, parameters=COARSE)
        changed = replace(COARSE, **change)
        assert not cache.has(image, backbone, depth, parameters=changed)
        assert_same(
            cache.features(image, backbone, depth, parameters=changed),
            compute_features(image, Counting(), Ramp(), parameters=changed),
        )
        assert_same(
            cache.features(image, backbone, Ramp(-1.0), parameters=COARSE),
            compute_features(image, Counting(), Ramp(-1.0), parameters=COARSE),
        )
        assert (backbone.reads, depth.reads) == (1, 1)

    def test_contrast_limits_matter_by_what_is_seen(self, cache, image):
        grey = image[..., 0].astype(np.uint16) * 9
        cache.features(grey, contrast_limits=(0, 2000), **ASKED)
        assert cache.has(grey, contrast_limits=(0, 2000), **ASKED)
        assert not cache.has(grey, contrast_limits=(0, 1000), **ASKED)
        assert cache.has(grey * 2, contrast_limits=(0, 4000), **ASKED)

    def test_a_grid_that_is_asked_for_or_usual_is_the_same(self, cache, image):
        backbone = Counting()
        backbone.default_grid = 8
        cache.features(image, backbone, parameters=COARSE)
        cache.features(image, backbone)
        assert backbone.reads == 1
        assert cache.has(image, backbone, None, contrast_limits=None, parameters=None)


class TestMemory:
    def test_it_is_bounded_in_bytes_and_the_latest_used_stay(self, image):
        one = compute_features(image, **ASKED).nbytes
        cache = FeatureCache(memory_bytes=int(2.5 * one))
        images = [blob_image(seed=seed) for seed in range(3)]
        first, _ = (cache.features(image, **ASKED) for image in images[:2])
        assert cache.features(images[0], **ASKED) is first
        cache.features(images[2], **ASKED)
        assert [cache.has(image, **ASKED) for image in images] == [True, False, True]
        assert cache.nbytes <= 2.5 * one
        cache.forget()
        assert cache.nbytes == 0 and not cache.has(images[0], **ASKED)

    def test_what_grows_is_counted(self, image):
        ramp = np.tile(np.arange(float(image.shape[1])), (image.shape[0], 1))
        one = compute_features(image, **ASKED, guide=ramp).nbytes
        cache = FeatureCache(memory_bytes=int(2.2 * one))
        first = cache.features(image, guide=ramp, **ASKED)
        first.upsampling_operator(guided=False)
        cache.features(blob_image(seed=1), guide=ramp, **ASKED)
        assert not cache.has(image, guide=ramp, **ASKED)

    def test_the_latest_is_held_however_large(self, image):
        cache = FeatureCache(memory_bytes=1)
        assert cache.features(image, **ASKED) is cache.features(image, **ASKED)

    def test_not_remembered_means_on_disk_alone(self, cache, image):
        cache.features(image, remember=False, **ASKED)
        assert cache.nbytes == 0 and cache.disk.nbytes > 0
        request = FeatureRequest.of(image, FeatureSpec(**ASKED))
        assert sum(cache.sizes_on_disk(request).values()) == cache.disk.nbytes


def test_cancelling_keeps_the_parts_that_were_done(cache, image):
    backbone = Counting()

    def stop(share, stage):
        if stage == "upsampling operator" and share > 0.85:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        cache.features(image, backbone, parameters=COARSE, progress=stop)
    assert not cache.has(image, backbone, parameters=COARSE)
    cache.features(image, backbone, parameters=COARSE)
    assert backbone.reads == 1


def test_progress_goes_up_to_one(cache, image):
    for asked in (cache, cache, again(cache)):
        shares = []
        asked.features(image, guide=Ramp(), progress=lambda share, stage: shares.append(share), **ASKED)  # noqa: B023
        assert shares == sorted(shares) and shares[-1] == 1.0


def test_threads_may_ask_at_once(cache):
    images = [blob_image(seed=seed) for seed in range(4)]
    got = {}

    def ask(number):
        for seed in np.random.default_rng(number).permutation(4):
            got[number, seed] = cache.features(images[seed], **ASKED)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12
    for (_, seed), features in got.items():
        assert torch.equal(features.transition, compute_features(images[seed], **ASKED).transition)


def damage_truncate(content):
    return content[: len(content) // 2]


def damage_one_bit_of_data(content):
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


def damage_append(content):
    return content + b"x"


def damage_note(content):
    return content.replace(b"appearance", b"appearancf")


def damage_shape(content):
    return content.replace(b"[48,", b"[84,")


def foreign(content):
    return b'\x08\0\0\0\0\0\0\0{"a": 1}'


DAMAGES = [
    damage_truncate, damage_one_bit_of_data, damage_append, damage_note, damage_shape, foreign,
    lambda _: b"", lambda _: b"text",
]  # fmt: skip


class TestDamage:
    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damaged_entry_is_told_dropped_and_computed_again(self, cache, image, notes, damage):
        expected, told = cache.features(image, **ASKED), 0
        for path in list(cache.disk.folder.iterdir()):
            before = path.read_bytes()
            changed = damage(before)
            if changed == before:  # says nothing of this part
                continue
            path.write_bytes(changed)
            assert_same(again(cache).features(image, **ASKED), expected)
            assert len(notes) == 1 and "computed again" in notes.pop()
            told += 1
            assert_same(again(cache).features(image, **ASKED), expected)
            assert not notes
        assert told

    def test_an_entry_of_another_image_is_not_taken(self, cache, image, notes):
        other = blob_image(seed=5)
        expected = cache.features(image, **ASKED)
        cache.features(other, **ASKED)
        mine, theirs = (FeatureKeys.of(FeatureRequest.of(seen, FeatureSpec(**ASKED))) for seen in (image, other))
        cache.disk.path(theirs.transition).replace(cache.disk.path(mine.transition))
        assert_same(again(cache).features(image, **ASKED), expected)
        assert "of something else" in notes[0]

    def test_every_byte_is_checked(self, tmp_path):
        path = tmp_path / "entry"
        write_entry(path, KEY, {"a": np.arange(4, dtype=np.float32), "b": np.ones((2, 2), np.uint16)}, {"n": [1, 2]})
        whole = path.read_bytes()
        arrays, about = read_entry(path, KEY)
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            try:
                got, told = read_entry(path, KEY)
            except ValueError:
                continue
            # Only the blanks after the header are nobody's.
            assert whole[at : at + 1] == b" " and told == about
            assert all(np.array_equal(got[name], arrays[name]) for name in arrays)

    def test_an_entry_of_a_newer_version_is_left_alone(self, cache, image, notes):
        expected = cache.features(image, **ASKED)
        path = cache.disk.path(FeatureKeys.of(FeatureRequest.of(image, FeatureSpec(**ASKED))).transition)
        newer = path.read_bytes().replace(b'"version":"1"', b'"version":"2"')
        beside = path.with_name(path.name.replace(".1.", ".2."))
        for place in (path, beside):
            place.write_bytes(newer)
        tight = again(cache, disk_bytes=expected.nbytes)
        assert_same(tight.features(image, **ASKED), expected)
        tight.features(blob_image(seed=1), **ASKED)  # which needs room
        assert beside.read_bytes() == newer
        assert len(notes) == 1 and "newer version" in notes[0]


class TestRoom:
    def test_the_least_recently_used_make_room(self, tmp_path):
        folder = FeatureFolder(tmp_path, 3500)
        arrays = {"a": np.zeros(200, np.float32)}
        keys = [f"{i:064x}" for i in range(4)]
        for at, key in enumerate(keys[:3]):
            assert folder.save(key, arrays, {})
            os.utime(folder.path(key), (1000 + at, 1000 + at))
        assert folder.load(keys[0]) is not None
        assert folder.save(keys[3], arrays, {})
        assert [folder.size(key) > 0 for key in keys] == [True, False, True, True]
        assert folder.nbytes <= 3500

    def test_files_of_others_are_never_touched(self, tmp_path):
        mine = [tmp_path / "model.safetensors", tmp_path / "notes.txt", tmp_path / f"{KEY}.safetensors"]
        for path in mine:
            path.write_bytes(b"x" * 5000)
        folder = FeatureFolder(tmp_path, 1500)
        for i in range(3):
            assert folder.save(f"{i:064x}", {"a": np.zeros(200, np.float32)}, {})
        assert all(path.stat().st_size == 5000 for path in mine)

    def test_what_a_killed_process_left_is_swept(self, tmp_path):
        old, new = tmp_path / ".m2n2v2-old.safetensors", tmp_path / ".m2n2v2-new.safetensors"
        for path in (old, new):
            path.write_bytes(b"x")
        os.utime(old, (1000, 1000))
        FeatureFolder(tmp_path, 10**6).save(KEY, {"a": np.zeros(2, np.float32)}, {})
        assert not old.exists() and new.exists()

    def test_what_is_larger_than_the_limit_drops_nothing_else(self, tmp_path):
        notes = []
        folder = FeatureFolder(tmp_path, 3000, notes.append)
        assert folder.save(KEY, {"a": np.zeros(200, np.float32)}, {})
        assert not folder.save("1" * 64, {"a": np.zeros(2000, np.float32)}, {})
        assert folder.size(KEY) and "limit" in notes[0]

    def test_without_a_listener_it_is_a_warning(self, tmp_path):
        (tmp_path / "file").write_text("")
        folder = FeatureFolder(tmp_path / "file" / "below", 3000)
        with pytest.warns(RuntimeWarning, match="cannot be stored"):
            assert not folder.save(KEY, {"a": np.zeros(2, np.float32)}, {})


def test_no_weights_are_loaded_for_what_is_there(cache, tmp_path, image, monkeypatch):
    """Opening a stack whose planes are stored must not wait for a model of gigabytes."""
    from napari_m2n2v2.backbones import dinov2, find_backbone, release_models

    from .tiny_models import save_dinov2

    save_dinov2(tmp_path / "weights")
    place = str(tmp_path / "weights")
    parameters = FeatureParameters(grid=4)
    expected = cache.features(image, place, device="cpu", parameters=parameters)
    release_models()

    def refuse(folder):
        raise AssertionError("the weights were loaded")

    monkeypatch.setattr(dinov2, "load_folder", refuse)
    assert_same(again(cache).features(image, place, device="cpu", parameters=parameters), expected)
    assert find_backbone(place).backbone.weights_revision == expected.weights_revision
    release_models()
