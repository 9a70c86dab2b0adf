"""What clicks do beyond the paper, each by its own switch, and what is said of each click."""

from dataclasses import replace

import numpy as np
import pytest

from napari_m2n2v2 import Click, SegmentationParameters, Session, load_session, save_session
from napari_m2n2v2.method.markov import start_state
from napari_m2n2v2.session.effects import Effect, effect_in_words, effect_of
from napari_m2n2v2.session.session_file import SessionFile

PAPER = SegmentationParameters.paper()
DISC, GROUND, SQUARE = Click(16, 16), Click(5, 50, False), Click(33, 48)
WITH_ALL = replace(
    PAPER,
    score_contrast=True,
    prior_at_start=True,
    centred_start=True,
    boundary_distance=True,
    least_disc=True,
    refinement=True,
)


def near(click, radius, shape):
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    return (rows - click.row) ** 2 + (cols - click.col) ** 2 <= radius**2


def test_the_paper_is_the_paper():
    switches = ("score_contrast", "prior_at_start", "centred_start", "boundary_distance", "least_disc", "refinement")
    assert not any(getattr(PAPER, name) for name in switches)
    assert PAPER.sigma_adaptive == 6 and not PAPER.score_prior
    assert not any(getattr(SegmentationParameters.m2n2(), name) for name in switches)


@pytest.mark.parametrize("pixel", [(0, 0), (3, 17), (20, 49), (39, 10)])
def test_a_centred_start_state_of_the_mirrored_click_is_the_mirrored_state(pixel):
    shape, grid = (40, 50), (7, 9)
    mirrored = start_state(pixel[0], shape[1] - 1 - pixel[1], shape, grid, centred=True)
    state = start_state(*pixel, shape, grid, centred=True)
    np.testing.assert_allclose(mirrored.numpy()[:, ::-1], state.numpy(), atol=1e-5)


def test_contrast_scores_the_first_click_alone(features):
    """A later click's threshold is that of the plain score, with the first one's taken over by hand."""
    clicks = [DISC, GROUND]
    first, later = Session(features, replace(PAPER, score_contrast=True)).replay(clicks).thresholds
    by_hand = Session(features, PAPER).replay([replace(DISC, threshold=first), GROUND]).thresholds
    assert later == by_hand[1]
    assert first == Session(features, replace(PAPER, score_contrast=True)).replay([DISC]).thresholds[0]


def test_a_click_claims_its_least_disc(features):
    small = replace(PAPER, sigma_adaptive=0.2)  # so that its map may claim next to nothing
    clicks = [DISC, Click(40, 20)]
    without, disc = (
        Session(features, one).replay(clicks).objects[1] for one in (small, replace(small, least_disc=True))
    )
    radius = min(disc.radii[1], 1.5 * 64 / features.grid_shape[1])
    inside = near(clicks[1], radius - 1, features.shape)
    assert disc.mask[inside].all() and not without.mask[inside].all()


def test_a_click_where_the_mask_is_right_may_act_within_its_depth(features):
    clicks = [DISC, Click(17, 15)]
    zero, depth = (
        Session(features, replace(PAPER, boundary_distance=on)).replay(clicks).objects[1] for on in (False, True)
    )
    assert zero.radii[1] == 0 and depth.radii[1] >= 1
    assert zero.ceilings[1] == 0 and depth.ceilings[1] > 0


def test_refinement_is_what_the_next_click_starts_from(features):
    refined = replace(PAPER, refinement=True)
    session = Session(features, refined)
    first = session.click(DISC).objects[1]
    rough = Session(features, PAPER).click(DISC).objects[1]
    assert first.thresholds == rough.thresholds
    row = int(np.flatnonzero(first.mask[:, 16])[-1]) + 3
    radius = session.click(Click(row, 16)).objects[1].radii[1]
    depth = min(np.hypot(r - row, c - 16) for r, c in np.argwhere(first.mask))
    assert radius == pytest.approx(depth)


def test_what_no_click_reaches_keeps_its_label_although_outlines_are_refined(features):
    start = np.zeros(features.shape, np.int32)
    start[30:46, 2:20] = 1
    begun = Session(features, replace(PAPER, refinement=True), start=start)
    mask = begun.replay([Click(12, 50)]).objects[1].mask
    plain = Session(features, PAPER, start=start).replay([Click(12, 50)]).objects[1].mask
    far = near(Click(38, 11), 12, features.shape)
    np.testing.assert_array_equal(mask[far], plain[far])


def test_replay_and_undo_hold_with_everything_on(features):
    clicks = [DISC, GROUND, SQUARE, Click(17, 20)]
    one_by_one = Session(features, WITH_ALL)
    results = [one_by_one.click(click) for click in clicks]
    replayed = Session(features, WITH_ALL).replay(clicks)
    assert replayed.labels.tobytes() == results[-1].labels.tobytes() and replayed.effects == results[-1].effects
    assert one_by_one.undo() is results[-2]
    assert one_by_one.preview(clicks[-1]).tobytes() == results[-1].labels.tobytes()


class TestEffects:
    def test_a_click_that_acts_says_how_much(self, features):
        result = Session(features).replay([DISC])
        effect = result.effects[0]
        assert effect.acted and effect.changed == effect.claimed == np.count_nonzero(result.mask)

    def test_already_so(self, features):
        effect = Session(features, PAPER).replay([DISC, Click(17, 15)]).effects[1]
        assert (effect.why, effect.claimed, effect.acted) == ("already so", 0, False)

    def test_nearer_to_another_click(self):
        before, distance = np.ones((9, 9), bool), np.full((9, 9), 0.5, np.float32)
        after, owner = before.copy(), np.zeros((9, 9), np.int32)
        owner[:, 5:] = 1
        after[4, 6] = False
        effect = effect_of(before, after, ((4, 6),), False, owner, distance)
        assert effect == Effect(1, 1, "nearer to a click", 1)

    def test_too_large_a_change(self, features):
        strict = replace(PAPER, sigma_adaptive=1e-3)
        effect = Session(features, strict).replay([DISC, Click(40, 20)]).effects[1]
        assert (effect.why, effect.claimed) == ("too large a change", 1)

    def test_on_another_object(self, features):
        clicks = [DISC, replace(DISC, row=17, object_id=2)]
        told = Session(features, PAPER, compete=False).replay(clicks).effects
        assert (told[0].why, told[0].rival) == ("another object", 2) and told[1].acted
        assert effect_in_words(0, clicks, told[0]) == "nothing: that is object 2"

    def test_they_come_in_the_order_of_the_clicks(self, features):
        clicks = [DISC, replace(SQUARE, object_id=2), GROUND]
        result = Session(features).replay(clicks)
        assert len(result.effects) == 3 and result.effects[1].changed == result.objects[2].effects[0].changed


def test_a_file_without_the_new_parameters_is_of_the_paper(features, tmp_path):
    for parameters in (PAPER, WITH_ALL):
        session = Session(features, parameters)
        session.replay([DISC, GROUND])
        save_session(tmp_path / "a.json", session)
        assert load_session(tmp_path / "a.json").segmentation_parameters == parameters
        assert ("refinement" in (tmp_path / "a.json").read_text()) == parameters.refinement
    assert SessionFile.of(session).segmentation_parameters.refinement
