import numpy as np
import pytest

from napari_m2n2v2 import (
    Cancelled,
    Click,
    ClickError,
    FeatureParameters,
    ImageError,
    ParameterError,
    Session,
    compute_features,
    find_similar,
)
from tests.similar.drawn import agreements, discs, only

OTHER = (90, 90, 150)
"""A colour that is more like that of the discs than of the ground."""


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("examples", [(7,), (1, 7, 13)])
def test_all_others_are_found_exactly_once_and_the_examples_not(colour, examples):
    image, labels = discs(colour=colour)
    proposals = find_similar(image, only(labels, *examples))
    found = agreements(proposals, labels)
    assert len(proposals) == len(found) == 25 - len(examples) and not found.keys() & set(examples)
    assert min(found.values()) > 0.85
    assert proposals.reproduced > 0.85 and proposals.advice == "accept all shown"
    assert all(one.mask.values.shape < (80, 80) and one.why.text == "like the examples" for one in proposals)


def test_a_seed_is_row_and_column_inside_its_mask_and_masks_never_overlap():
    image, labels = discs(touching=True)
    image, labels = image[:160], labels[:160]  # so that rows and columns cannot be swapped unnoticed
    proposals = find_similar(image, only(labels, 8))
    drawn = proposals.labels(first_id=100)
    assert sum(one.area for one in proposals) == np.count_nonzero(drawn)
    for number, one in enumerate(proposals, start=100):
        assert drawn[one.seed] == number
        row, col = one.seed
        assert one.mask.values[row - one.mask.row, col - one.mask.col]


def test_the_most_certain_come_first_and_the_same_again():
    image, labels = discs()
    image[5:12, 5:12] = (110, 60, 140)
    first, again = (find_similar(image, only(labels, 13)) for _ in range(2))
    certain = [one.certainty for one in first]
    assert certain == sorted(certain, reverse=True) and all(0 <= one <= 1 for one in certain)
    assert certain == [one.certainty for one in again] and np.array_equal(first.labels(), again.labels())
    least = first.at_least(certain[3])
    assert len(least) >= 4 and first.labels(at_least=certain[3]).max() == len(least) < len(first) + 1


def test_what_is_an_object_already_is_never_proposed():
    image, labels = discs()
    there = only(labels, 1, 2, 3, 25)
    proposals = find_similar(image, there, ids=[1])
    assert not (proposals.labels() > 0)[there > 0].any()
    assert set(agreements(proposals, labels)) == set(range(4, 25))


def test_a_rejected_one_is_not_proposed_again_and_what_looks_like_it_neither():
    image, labels = discs()
    for n in (3, 9, 21):
        image[labels == n] = OTHER
    before = find_similar(image, only(labels, 13))
    assert {3, 9, 21} <= set(agreements(before, labels))
    wrong = [one for one in before if labels[one.seed] == 3]
    after = find_similar(image, only(labels, 13), rejected=wrong)
    assert set(agreements(after, labels)) == set(range(1, 26)) - {13, 3, 9, 21}


def test_a_background_click_says_that_there_is_none():
    image, labels = discs()
    row, col = np.argwhere(labels == 3).mean(axis=0)
    image[labels == 3] = OTHER
    assert 3 in agreements(find_similar(image, only(labels, 13)), labels)
    for point in (Click(row, col, foreground=False), (row, col)):
        assert 3 not in agreements(find_similar(image, only(labels, 13), background=[point]), labels)


def test_sizes_differ_and_why_says_so():
    image, labels = discs(across=4, skip=(6,))
    y, x = np.mgrid[:200, :200]
    small = (y - 75) ** 2 + (x - 75) ** 2 < 7**2
    image[small] = (110, 60, 140)
    proposals = find_similar(image, only(labels, 1, 16))
    told = {labels[one.seed]: one for one in proposals}[0]
    assert small[told.seed] and told.why.area < 0.5 and "smaller than the examples" in told.why.text
    assert told.certainty == min(one.certainty for one in proposals)


def test_nothing_is_found_where_nothing_is():
    image, labels = discs(skip=range(2, 26))
    assert len(find_similar(image, labels)) == 0
    assert find_similar(image, labels).labels().max() == 0


def test_an_image_that_is_the_same_everywhere_gives_an_answer():
    labels = np.zeros((40, 50), np.uint8)
    labels[10:20, 10:20] = 1
    proposals = find_similar(np.full((40, 50), 7, np.uint8), labels)
    assert all(np.isfinite(one.certainty) for one in proposals)


def test_examples_of_one_pixel_and_of_the_whole_image_give_an_answer():
    image, labels = discs()
    one = np.zeros_like(labels)
    one[20, 20] = 4
    for examples in (one, np.ones_like(labels)):
        assert all(np.isfinite(each.certainty) for each in find_similar(image, examples))


def test_by_texture_alone():
    rng = np.random.default_rng(0)
    image = np.full((200, 200), 120.0)
    _, labels = discs()
    image[labels > 0] += rng.choice([-60.0, 60.0], np.count_nonzero(labels))
    image = (image + rng.normal(0, 2, image.shape)).astype(np.uint8)
    found = agreements(find_similar(image, only(labels, 1, 13), cues="texture"), labels)
    assert len(found) == 23 and np.median(list(found.values())) > 0.6


def test_of_a_session_its_objects_are_the_examples(features):
    session = Session(features)
    session.click(Click(16, 16))
    session.click(Click(5, 50, foreground=False))
    proposals = find_similar(session)
    assert proposals.shape == features.shape
    assert not (proposals.labels() > 0)[session.result.mask].any()
    with pytest.raises(ParameterError, match="segment one object first"):
        find_similar(Session(features))


def test_accepted_proposals_are_objects_at_once_and_one_undo_takes_them_back():
    image, labels = discs()
    few = FeatureParameters(grid=8)
    session = Session(compute_features(image, "appearance", device="cpu", parameters=few), start=only(labels, 13))
    before, proposals = session.result.labels, find_similar(session)
    session.replay((), accepted=proposals.masks(first_id=14))
    assert np.array_equal(session.result.labels, np.where(before == 13, 13, proposals.labels(first_id=14)))
    assert len(find_similar(session, ids=[13])) == 0  # nothing is left
    assert np.array_equal(session.undo().labels, before)


def test_of_features_that_work_on_less_proposals_are_of_the_whole_resolution():
    image, labels = discs()
    few = FeatureParameters(grid=8, working_side=120)
    features = compute_features(image, "appearance", device="cpu", parameters=few)
    proposals = find_similar(features, only(labels, 13))
    found = agreements(proposals, labels)
    assert features.image.shape == (120, 120, 3) and proposals.shape == (200, 200)
    assert len(found) == 24 and min(found.values()) > 0.75


def test_sixteen_bits_are_seen_as_they_are_shown():
    image, labels = discs(colour=False)
    deep = image[..., 0].astype(np.uint16) * 16
    deep[0, 0] = 60000  # a hot pixel
    found = agreements(find_similar(deep, only(labels, 13), contrast_limits=(0, 4000)), labels)
    assert len(found) == 24


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"examples": np.zeros((200, 200), int)}, ParameterError, "There is no example"),
        ({"examples": np.zeros((20, 200), int)}, ImageError, "integers of the image's shape"),
        ({"examples": np.ones((200, 200))}, ImageError, "got float64"),
        ({"examples": np.full((200, 200), -1)}, ImageError, "got -1"),
        ({"ids": [99]}, ParameterError, "no object 99"),
        ({"cues": "smell"}, ParameterError, "both, colour, texture"),
        ({"background": [(500, 1)]}, ClickError, "outside the image"),
        ({"source": np.zeros((3, 200, 200), np.uint8)}, ImageError, "find_similar_in_stack"),
    ],
)
def test_bad_input_says_what_was_expected(change, error, message):
    image, labels = discs()
    given = {"source": image, "examples": labels, **change}
    with pytest.raises(error, match=message):
        find_similar(given.pop("source"), given.pop("examples"), **given)


def test_a_rejected_one_of_a_larger_image_is_refused():
    image, labels = discs()
    far = [one for one in find_similar(image, only(labels, 1)) if one.seed[0] > 150][:1]
    with pytest.raises(ParameterError, match="another plane"):
        find_similar(image[:100], only(labels, 1)[:100], rejected=far)


def test_progress_goes_up_to_the_end_and_stops_when_asked():
    image, labels = discs()
    shares = []
    find_similar(image, only(labels, 1), progress=lambda share, stage: shares.append(share))
    assert shares == sorted(shares) and shares[-1] == 1

    def stop(share, stage):
        if stage == "looking for more":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        find_similar(image, only(labels, 1), progress=stop)


def test_ids_that_do_not_fit_labels_are_refused():
    image, labels = discs()
    with pytest.raises(ParameterError, match="do not fit"):
        find_similar(image, only(labels, 1)).labels(first_id=2**31 - 2)
