"""Large planes, several images, stacks."""

import numpy as np
import pytest

from napari_m2n2v2 import Cancelled, Click, ImageError, Likeness, Stack, find_similar, find_similar_in_stack
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.similar import find, plane
from napari_m2n2v2.similar.candidates import Candidate
from napari_m2n2v2.similar.plane import limits_of
from tests.similar.drawn import agreements, discs, only
from tests.similar.test_find import OTHER


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(plane, "_WHOLE", 150)
    monkeypatch.setattr(plane, "_SIDE", 90)


def test_parts_give_what_the_whole_gives(small_parts, monkeypatch):
    image, labels = discs(across=10, side=300)
    likeness = Likeness.learn([(image, only(labels, 34, 35))])
    by_parts = likeness.find(image, only(labels, 34, 35))
    monkeypatch.setattr(plane, "_WHOLE", 2048)
    whole = likeness.find(image, only(labels, 34, 35))
    assert len(by_parts) == len(whole) == 98
    assert [one.seed for one in by_parts] == [one.seed for one in whole]
    assert np.array_equal(by_parts.labels(), whole.labels())


class Watched:
    """An image that notes what is read of it, as one on disk would have to."""

    def __init__(self, pixels):
        self.pixels, self.shape, self.dtype, self.most = pixels, pixels.shape, pixels.dtype, 0

    def __getitem__(self, place):
        part = self.pixels[place]
        self.most = max(self.most, part.shape[0] * part.shape[1])
        return part


def test_a_large_image_is_read_by_parts_alone(small_parts):
    image, labels = discs(across=20, side=600)
    watched = Watched(image)
    proposals = find_similar(watched, only(labels, 21, 22, 300))
    assert set(agreements(proposals, labels)) == set(range(1, 401)) - {21, 22, 300}
    assert watched.most < image.shape[0] * image.shape[1] / 4


def test_examples_of_one_image_serve_others():
    first, labels = discs()
    second, others = discs(seed=1, skip=(1, 2, 3))
    likeness = Likeness.learn([(first, only(labels, 7))])
    assert set(agreements(likeness.find(second), others)) == set(range(4, 26))
    assert len(likeness.find(np.full_like(first, 220))) == 0
    both = Likeness.learn([(first, only(labels, 7)), (second, only(others, 8))], ids=[7, 8])
    assert set(agreements(both.find(second, others), others)) == set()


def test_images_of_many_bits_are_all_seen_with_the_limits_of_the_examples():
    first, labels = discs(colour=False)
    bright, dim = first[..., 0].astype(np.uint16) * 100, np.full((200, 200), 3000, np.uint16)
    dim[:3] = 3010  # stretched on its own, this would look like anything
    likeness = Likeness.learn([(bright, only(labels, 7))])
    assert likeness.limits == (bright.min(), bright.max())
    assert len(likeness.find(dim)) == 0 and len(likeness.find(bright, only(labels, 7))) == 24


def test_alpha_does_not_count_into_the_limits():
    image, labels = discs()
    deep = np.dstack([image.astype(np.uint16) * 15, np.full((200, 200), 65535, np.uint16)])
    assert limits_of([deep]) == (deep[..., :3].min(), deep[..., :3].max())
    assert len(find_similar(deep, only(labels, 7))) == 24


def test_parts_without_a_number_do_not_hinder_the_others(small_parts):
    image, labels = discs(across=10, side=300, colour=False)
    mosaic = image[..., 0].astype(np.float32)
    mosaic[200:], labels[200:] = np.nan, 0
    assert limits_of([mosaic]) == (np.nanmin(mosaic), np.nanmax(mosaic))
    with pytest.raises(ImageError, match="every pixel is NaN"):
        limits_of([mosaic[200:]])


def test_what_was_rejected_in_many_parts_leaves_certainties_as_they_are(small_parts):
    """Only parts with examples tell how well they are found again."""
    image, labels = discs(across=10, side=300)
    image, labels = np.hstack([image] * 3), np.hstack([labels, labels + 100, labels + 200]).astype(np.int32)
    wrong = [Boxed.of(labels == n) for n in (1, 4, 7, 10, 101, 104)]
    proposals = find_similar(image, only(labels, 300), rejected=wrong)
    assert proposals.reproduced > 0.85 and all(0 <= one.certainty <= 1 for one in proposals)
    assert len(proposals.at_least(0.1)) == len(proposals)


def test_proposals_of_neighbouring_parts_do_not_overlap(small_parts, monkeypatch):
    """Masks reach beyond the part that finds them, and there another part may have found another object."""
    image, labels = discs(across=10, side=300)
    likeness = Likeness.learn([(image, only(labels, 34))])
    a_why = likeness.find(image)[0].why

    def more_than_its_own(odds, regions, learned):
        row, col = (side // 2 for side in regions.shape)
        yield Candidate(Boxed(row - 42, col - 42, np.ones((84, 84), bool)), (row, col), a_why, False)

    monkeypatch.setattr(find, "candidates", more_than_its_own)
    proposals = likeness.find(image)
    assert len(proposals) == 16
    assert all(one.mask.values[one.seed[0] - one.mask.row, one.seed[1] - one.mask.col] for one in proposals)
    held = [one.mask.within((0, 300, 0, 300)) for one in proposals]
    assert np.sum(held, axis=0).max() == 1 and sum(one.area for one in proposals) < 16 * 84 * 84


def stack_of(count=4):
    planes = [discs(across=4, side=120, colour=False, seed=n) for n in range(count)]
    return np.stack([image[..., 0] for image, _ in planes]), np.stack([labels for _, labels in planes])


def test_examples_of_any_plane_serve_the_whole_stack():
    volume, truth = stack_of()
    examples = {(2,): only(truth[2], 6), (3,): only(truth[3], 1)}
    found = dict(find_similar_in_stack(Stack.of(volume), examples))
    assert list(found) == [(0,), (1,), (2,), (3,)]
    missing = {index: set(range(1, 17)) - agreements(each, truth[index]).keys() for index, each in found.items()}
    assert missing == {(0,): set(), (1,): set(), (2,): {6}, (3,): {1}}


def test_a_stack_may_lie_along_any_axis_and_be_looked_at_in_part():
    volume, truth = stack_of()
    stack = Stack.of(np.moveaxis(volume, 0, 1), plane_axes=(2, 0))  # rows and columns exchanged
    found = list(find_similar_in_stack(stack, {(2,): only(truth[2], 6).T}, planes=[(1,)]))
    assert [index for index, _ in found] == [(1,)]
    assert set(agreements(found[0][1], truth[1].T)) == set(range(1, 17))


def test_a_stack_stops_between_planes_and_within_one():
    volume, truth = stack_of()
    calls = []

    def stop(share, stage):
        calls.append(share)
        if share > 0.45:  # in the second plane
            raise Cancelled("enough")

    planes = find_similar_in_stack(Stack.of(volume), {(0,): only(truth[0], 1)}, progress=stop)
    assert next(planes)[0] == (0,)
    with pytest.raises(Cancelled):
        list(planes)
    assert calls == sorted(calls)
    with pytest.raises(ImageError, match="no plane"):
        find_similar_in_stack(Stack.of(volume), {(9,): truth[0]})


def test_examples_in_one_part_of_a_large_image_serve_all_of_it(small_parts):
    image, labels = discs(10, 400)
    found = find_similar(image, only(labels, 34))
    assert set(agreements(found, labels)) == set(range(1, 101)) - {34}


def test_objects_of_other_planes_are_not_proposed_again():
    volume, truth = stack_of()
    occupied = {(1,): only(truth[1], 3, 4)}
    found = dict(find_similar_in_stack(Stack.of(volume), {(2,): only(truth[2], 6)}, occupied=occupied))
    assert set(agreements(found[1,], truth[1])) == set(range(1, 17)) - {3, 4}
    assert set(agreements(found[0,], truth[0])) == set(range(1, 17))


def test_what_was_rejected_in_one_plane_is_learned_for_all():
    drawn = [discs(across=4, side=120, seed=n) for n in range(3)]
    volume, truth = np.stack([image for image, _ in drawn]), np.stack([labels for _, labels in drawn])
    for n in (1, 2):
        volume[n][np.isin(truth[n], (2, 5, 11))] = OTHER
    stack, examples = Stack.of(volume, rgb=True), {(0,): only(truth[0], 6, 7)}
    before = dict(find_similar_in_stack(stack, examples))
    assert {2, 5, 11} <= set(agreements(before[1,], truth[1])) & set(agreements(before[2,], truth[2]))
    wrong = [one for one in before[1,] if truth[1][one.seed] == 2]
    for rejected in (wrong, [one.mask for one in wrong]):
        after = dict(find_similar_in_stack(stack, examples, rejected={(1,): rejected}))
        assert set(agreements(after[1,], truth[1])) == set(agreements(after[2,], truth[2]))
        assert set(agreements(after[2,], truth[2])) == set(range(1, 17)) - {2, 5, 11}


def test_one_plane_of_a_stack_is_found_as_the_image_alone_would_be():
    volume, truth = stack_of()
    labels, click = only(truth[1], 6), Click(40, 70, foreground=False)
    (index, found), = find_similar_in_stack(
        Stack.of(volume), {(1,): labels}, planes=[(1,)], clicks={(1,): [click, Click(1, 1)]}
    )  # fmt: skip
    alone = find_similar(volume[1], labels)
    assert index == (1,) and [one.seed for one in found] == [one.seed for one in alone]
