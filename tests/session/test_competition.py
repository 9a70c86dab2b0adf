"""Objects that compete for pixels: exact whatever changed, and cheap where nothing did (issue 16, line 25)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2v2 import Click, ImageFeatures, Session
from napari_m2n2v2.session.competition import Claim, Competition
from napari_m2n2v2.session.segmentation import Segmentation

SHAPE = 6, 9
RNG = np.random.default_rng(0)
MASKS = [Segmentation.begin(RNG.random(SHAPE) < share, SHAPE) for share in (0.0, 0.2, 0.5, 0.5, 0.8, 1.0)]
FAR = {id(found): RNG.integers(0, 4, 54).astype(np.float32) / 4 for found in MASKS}  # with ties


def far(claim, pixels):
    return FAR[id(claim.found)][pixels]


def naively(claims):
    """Of those that claim a pixel the one that bids least; the lowest id on ties."""
    bids = {
        i: np.where(c.found.working_mask.ravel(), FAR[id(c.found)] if c.bid is None else c.bid, np.inf)
        for i, c in sorted(claims.items())
    }
    if not claims:
        return np.zeros(SHAPE, np.int32)
    stacked, ids = np.stack(list(bids.values())), np.array(list(bids))
    return np.where(np.isinf(stacked).all(axis=0), 0, ids[stacked.argmin(axis=0)]).reshape(SHAPE)


def claim_of(found, bid=None):
    return Claim(found, found.squeezed, 0, bid)


claims = st.builds(claim_of, st.sampled_from(MASKS), st.sampled_from([None, None, -1.0, -2.0]))


@given(st.lists(st.dictionaries(st.integers(1, 6), st.one_of(st.none(), claims), min_size=1), max_size=12))
@settings(max_examples=200, deadline=None)
def test_25_whatever_changes_the_least_bid_wins(changes):
    competition, present = Competition(SHAPE, far), {}
    for change in changes:
        present = {i: claim for i, claim in (present | change).items() if claim is not None}
        np.testing.assert_array_equal(competition.labels(present), naively(present))


def test_25_what_was_stopped_midway_is_decided_anew():
    asked = []

    def stops(claim, pixels):
        asked.append(claim)
        if len(asked) == 5:
            raise MemoryError
        return far(claim, pixels)

    competition = Competition(SHAPE, stops)
    present = {i: claim_of(MASKS[i]) for i in range(1, 5)}
    competition.labels(present)
    present[2] = claim_of(MASKS[4])
    with pytest.raises(MemoryError):
        competition.labels(present)
    np.testing.assert_array_equal(competition.labels(present), naively(present))


@pytest.fixture(scope="module")
def field():
    """36 squares on a plane, and attention that keeps near cells of the same brightness together."""
    cells, side = 24, 120
    image = np.full((side, side, 3), 40, np.uint8)
    for row in range(6, side, 20):
        for col in range(6, side, 20):
            image[row : row + 9, col : col + 9] = 90 + row + col // 2
    y, x = np.mgrid[:cells, :cells].reshape(2, -1)
    light = image[2::5, 2::5, 0].astype(float).ravel()
    near = np.exp(-((y[:, None] - y) ** 2 + (x[:, None] - x) ** 2) / 8 - (light[:, None] - light) ** 2 / 400)
    return ImageFeatures.from_attention(image, near / near.sum(1, keepdims=True), (cells, cells), device="cpu")


CENTRES = [(row, col) for row in range(10, 120, 20) for col in range(10, 120, 20)]


def clicks_on(objects):
    return [Click(*CENTRES[n], True, n + 1) for n in range(objects)]


@pytest.mark.slow
def test_25_a_click_asks_for_no_map_of_an_object_elsewhere(field, monkeypatch):
    session = Session(field)
    session.replay(clicks_on(36))
    asked = set()
    maps = session._solver._chains[0].maps
    monkeypatch.setattr(session._solver._chains[0], "maps", lambda seed: asked.add(seed.pixels) or maps(seed))
    session.click(Click(12, 13, True, 1))
    assert asked == {((10, 10),), ((12, 13),)}
    assert session.result.labels.tobytes() == Session(field).replay(session.clicks).labels.tobytes()


@pytest.mark.slow
def test_25_the_memory_told_holds_all_states_and_grows_by_little(field):
    session = Session(field)
    session.replay(clicks_on(30))
    told = [session.nbytes - session._solver._chains[0].maps.nbytes]
    results = [session.result, *(session.click(Click(11, 11, n % 2 == 0, n + 1)) for n in range(30))]
    told.append(session.nbytes - session._solver._chains[0].maps.nbytes)
    labels = [result.labels for result in results]
    assert sum(result.nbytes for result in results) < told[1] - told[0] + results[0].nbytes + 1
    assert (told[1] - told[0]) / 30 < 120 * 120, "less than a byte a pixel for a click"
    for expected in labels[-2::-1]:
        assert session.undo().labels.tobytes() == expected.tobytes()
    session.forget_history()
    session.replay(())


@pytest.mark.slow
def test_25_solved_states_are_bounded_by_bytes(field, monkeypatch):
    monkeypatch.setattr("napari_m2n2v2.session.click_maps._SOLVED_BYTES", 5_000)
    session = Session(field)
    for click in clicks_on(36):
        session.click(click)
    chain = session._solver._chains[0]
    assert 0 < sum(found.nbytes for found in chain.solved) <= 5_000 and len(chain.solved) < 36
    assert session.result.labels.tobytes() == Session(field).replay(session.clicks).labels.tobytes()
