"""A cache in a folder of the test's own, and what it tells."""

import pytest

from napari_m2n2v2.features.cache import FeatureCache


@pytest.fixture
def notes():
    return []


@pytest.fixture
def cache(tmp_path, notes):
    return FeatureCache(tmp_path / "project" / "features", notify=notes.append)
