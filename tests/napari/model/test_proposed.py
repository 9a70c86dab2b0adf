"""What is a proposal still, and which is looked at next."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2v2._napari.model.proposed import Found, Proposed
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.document import PlaneKey
from napari_m2n2v2.session.work import Work
from napari_m2n2v2.similar.proposals import Proposal, Why

PLANE = PlaneKey()


def proposed(certainties):
    """Proposals beside each other, of nothing that is worked on."""
    made = Proposed(SimpleNamespace(work=Work(), masks=()))
    why = Why(1, 1, 1, 1, 1)
    masks = [Boxed(0, 2 * n, np.ones((1, 1), bool)) for n in range(len(certainties))]
    made.add(
        Found(PLANE, Proposal(mask, (0, mask.col), certainty, why), np.zeros((1, 2, 2)))
        for mask, certainty in zip(masks, certainties, strict=True)
    )
    return made


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0, 1), st.data())
def test_the_next_is_more_certain_as_long_as_there_is_one(certainties, at_least, data):
    made = proposed(certainties)
    made.at_least = at_least
    shown = made.shown
    assert [one.certainty for one in shown] == sorted(c for c in certainties if c >= at_least)
    gone = data.draw(st.sets(st.sampled_from(range(len(shown))))) if shown else set()
    following = made.after(shown[n] for n in gone)
    stays = [n for n in range(len(shown)) if n not in gone]
    if not stays:
        assert following is None
    else:
        beyond = [n for n in stays if n > max(gone, default=-1)]
        assert following is shown[beyond[0] if beyond else stays[-1]]


def test_the_work_says_what_is_a_proposal_still():
    made = proposed([0.5, 0.6, 0.7])
    first, second, third = made.found
    made.current = first
    before = made._workspace.work
    made._workspace.work = before.reject(PLANE, [first.proposal.mask])
    assert made.look() and made.open == (second, third) and made.current is None and not made.look()
    made._workspace.work = made._workspace.work.start_from(PLANE, {4: second.proposal.mask}, "similar")
    assert made.look() and made.open == (third,)
    made._workspace.work = before
    assert made.look() and made.open == made.found
    written = SimpleNamespace(key=PLANE, written_in=lambda box: np.full((1, 1), box[2] == third.proposal.seed[1]))
    made._workspace.masks = (written,)
    assert made.look() and made.open == (first, second)
