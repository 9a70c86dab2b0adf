"""An image as it is segmented at one time: put onto another, compared with what it was."""

from dataclasses import replace

import numpy as np
import pytest

from napari_m2n2v2 import Click, ImageError, SegmentationParameters, Session, Stack
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.differences import differences_in_words
from napari_m2n2v2.session.document import Document, Fingerprint, PlacedClick, PlaneKey
from napari_m2n2v2.session.work import Started

FLAT, SHOWN = PlaneKey(), PlaneKey((0, 2), (7,))
STACK = Stack.of(np.zeros((4, 48, 64)))


@pytest.fixture
def flat():
    return Document(
        shape=(4, 64),
        placed=(PlacedClick(FLAT, Click(1, 2)),),
        solutions={(FLAT, None): None},
        segmentation_parameters=SegmentationParameters(),
        starts=(Started(FLAT, 1, Boxed.of(np.eye(4, 64, dtype=bool)), "labels"),),
        carried=(Carried(FLAT, 1, (Click(1, 2),)),),
    )


def test_what_is_of_a_flat_image_goes_onto_the_plane_that_is_shown(flat):
    found = flat.onto(STACK, SHOWN)
    assert found.placed == (PlacedClick(SHOWN, Click(1, 2)),) and list(found.solutions) == [(SHOWN, None)]
    assert found.starts[0].plane == SHOWN and found.starts[0].pixels is flat.starts[0].pixels
    assert found.carried[0].plane == SHOWN


def test_what_is_of_a_stack_stays_in_its_planes(flat):
    stack = replace(flat, shape=(4, 48, 64), placed=(PlacedClick(SHOWN, Click(1, 2)),))
    assert stack.onto(STACK, PlaneKey((1, 2), (0,))) is stack


@pytest.mark.parametrize("shown", [PlaneKey((1, 2), (0,)), None])
def test_an_image_of_another_shape_is_refused(flat, shown):
    with pytest.raises(ImageError, match=r"of shape \(4, 64\), and this one has"):
        flat.onto(STACK, shown)


def test_labels_to_start_from_need_an_image_of_their_shape(flat, features):
    with pytest.raises(ImageError, match="masks to start from"):
        flat.replay(features)


def test_what_is_not_the_same_is_said_by_slice(features):
    session = Session(features)
    session.click(Click(16, 16))
    ((_, outcome),) = Document.of(session).solutions.items()
    other = Fingerprint(replace(outcome.provenance, backbone="another"), "0" * 64)
    places = [(PlaneKey((1, 2), (z,)), None) for z in range(3)]
    then = replace(Document.of(session), solutions=dict.fromkeys(places, outcome))
    now = replace(then, solutions=dict(zip(places, (outcome, other, None), strict=True)))
    said = differences_in_words(then, now, ("z", "y", "x")).split("\n")
    assert said[0] == "The masks differ from the saved ones:" and len(said) == 3
    assert said[1] == "slice z 1, backbone: was appearance, is another" and said[2].startswith("1 of 3 slices")
    assert differences_in_words(then, then) == "The masks are the same, bit for bit."
