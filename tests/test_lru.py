"""Caches bounded in bytes."""

import numpy as np

from napari_m2n2v2.lru import ByteLRU


def hundred():
    return np.zeros(100, np.uint8)


def test_the_least_recently_used_goes_first():
    kept = ByteLRU(300)
    for key in "abc":
        kept.put(key, hundred())
    assert kept.get("a") is not None
    kept.put("d", hundred())
    assert [kept.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert kept.nbytes == 300


def test_the_latest_stays_whatever_it_takes():
    kept = ByteLRU(10)
    kept.put("a", hundred())
    latest = kept.put("b", hundred())
    assert kept.values == (latest,)


def test_values_that_grow_are_counted_anew():
    kept = ByteLRU(5, size=len)
    growing = kept.put("a", [1])
    kept.put("b", [1])
    growing.extend([2] * 4)
    kept.put("c", [1])
    assert kept.get("a") is None and kept.nbytes == 2


def test_a_limit_counts_from_the_next_one_on():
    kept = ByteLRU(2, size=lambda _: 1)
    for key in "ab":
        kept.put(key, key)
    kept.most = 3
    kept.put("c", "c")
    assert kept.values == ("a", "b", "c")


def test_a_value_is_made_once():
    kept, made = ByteLRU(1000), []
    for _ in range(2):
        kept.get_or("a", lambda: made.append(1) or hundred())
    assert made == [1]
    kept.clear()
    assert kept.get("a") is None and kept.nbytes == 0
