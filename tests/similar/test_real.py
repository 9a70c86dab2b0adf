"""Real nuclei, and the measure itself."""

import numpy as np
import pytest

from benchmarks.similar import METHODS, overlaps, scores
from benchmarks.similar_data import names, typical
from napari_m2n2v2 import find_similar
from napari_m2n2v2.files.read import read_image
from tests.similar.drawn import discs, only


@pytest.mark.parametrize(("kind", "least"), [("fluorescence", 0.75), ("stained", 0.5)])
def test_most_nuclei_are_found_from_three(shared, kind, least):
    found = []
    for name in names(kind, "chosen")[:3]:
        folder = shared / "data/dsb2018_nuclei"
        image, truth = read_image(folder / f"images/{name}.png"), read_image(folder / f"instances/{name}.png")
        truth = truth.astype(np.int32)
        examples = only(truth, *typical(truth)[:3])
        proposals = find_similar(image, examples)
        masks = [one.mask.within((0, truth.shape[0], 0, truth.shape[1])) for one in proposals]
        found.append(scores(overlaps(masks, truth, examples)[0], 0.5)[0])
    assert np.mean(found) > least


def test_all_methods_find_discs_and_the_measure_counts_them():
    image, labels = discs(colour=False)
    examples = np.searchsorted([0, 7, 13], only(labels, 7, 13)).astype(np.int32)
    for name, find in METHODS.items():
        table, ids = overlaps(find(image, examples), labels, examples)
        assert len(ids) == 23 and scores(table, 0.7) == (1.0, 1.0, 1.0), name


def test_the_measure_counts_what_is_missed_what_is_wrong_and_what_is_found_twice():
    truth = np.zeros((10, 30), np.int32)
    truth[2:6, 2:6], truth[2:6, 12:16], truth[2:6, 22:26] = 1, 2, 3
    wrong = np.zeros(truth.shape, bool)
    wrong[8:, 8:] = True
    table, ids = overlaps([truth == 2, truth == 2, wrong], truth, (truth == 1).astype(np.int32))
    assert ids == [2, 3]
    assert scores(table, 0.5) == (2 / 5, 1 / 3, 1 / 2)
