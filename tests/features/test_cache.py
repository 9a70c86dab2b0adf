"""Stored features: the same bits as computed ones, and nothing is computed twice."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from napari_m2n2v2 import Cancelled, Click, FeatureParameters, Session, compute_features
from napari_m2n2v2.features.cache import FeatureCache
from napari_m2n2v2.features.keys import FeatureKeys
from napari_m2n2v2.features.request import FeatureRequest
from napari_m2n2v2.features.spec import FeatureSpec
from tests.conftest import blob_image
from tests.features.counted import ASKED, COARSE, Counting, Ramp, again, assert_same


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
            points, rows, columns = (entry.get_tensor(name) for name in ("points 0.0", "rows", "columns"))
            assert json.loads(entry.metadata()["about"])["backbone"] == "appearance"
        alike = torch.softmax(-0.5 * torch.cdist(points, points) ** 2, dim=1) ** (1 / COARSE.temperature)
        made = rows[:, None] * alike / alike.sum(dim=1, keepdim=True) * columns
        torch.testing.assert_close(made, features.transition)


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
    assert cache.has(image, backbone, parameters=COARSE)
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


def test_no_weights_are_loaded_for_what_is_there(cache, tmp_path, image, monkeypatch):
    """Opening a stack whose planes are stored must not wait for a model of gigabytes."""
    from napari_m2n2v2.backbones import dinov2, find_backbone, release_models
    from tests.backbones.tiny_models import save_dinov2

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
