import numpy as np
import pytest

from napari_m2n2v2._napari.controller.jobs import Jobs
from napari_m2n2v2._napari.view.clicks_to_reach import ClicksToReach
from tests.napari.conftest import AtOnce, run_now


@pytest.fixture
def counting(viewer, image, monkeypatch):
    errors = []
    monkeypatch.setattr("napari_m2n2v2._napari.view.clicks_to_reach.show_error", errors.append)
    viewer.add_image(image)
    truth = np.zeros(image.shape[:2], int)
    truth[image[..., 0] > 120], truth[image[..., 2] > 120] = 1, 4
    viewer.add_labels(truth, name="truth")
    widget = ClicksToReach(viewer, Jobs(run_now, AtOnce()))
    widget.attention, widget.grid = "appearance", 12
    viewer.window.add_dock_widget(widget)
    widget.reset_choices()
    widget.errors = errors
    return widget


def test_it_says_how_many_clicks_each_object_takes(counting):
    from napari_m2n2v2 import FeatureParameters, Session, compute_features
    from napari_m2n2v2.evaluation.clicker import next_click_union
    from napari_m2n2v2.evaluation.metrics import intersection_over_union

    counting.run.click()
    told = counting.answer.text()
    truth = counting.truth.value.data
    features = compute_features(counting.image.value.data, "appearance", parameters=FeatureParameters(grid=12))
    for label in (1, 4):
        session, count = Session(features), 0
        while intersection_over_union(session.result.mask, truth == label) < 0.9 and count < 20:
            session.click(next_click_union(session.result.mask, truth == label))
            count += 1
        assert f"Label {label}: {count}" in told
    assert "over 2 objects" in told and len(counting.plot.scores) == 20
    assert (np.diff(counting.plot.scores) > -0.2).all()


def test_a_truth_that_does_not_fit_is_told(counting, viewer):
    counting.truth.value.data = np.zeros((5, 5), int)
    counting.run.click()
    assert "image's shape" in counting.errors[-1] and not counting.answer.text()


def test_the_manifest_offers_it(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Clicks to reach 90 %")
    assert widget.run.text() == "Count clicks"
