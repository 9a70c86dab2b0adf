"""Many images opened in turn, all of them left open: features stay within the limit of memory, masks stay."""

import numpy as np

from napari_m2n2v2.features.states import FeatureState
from tests.conftest import blob_image
from tests.napari.conftest import same

COUNT = 10


def held_by_images(dock):
    """Bytes of all features that images hold, each once."""
    parts = [part for workspace in dock.controller.state.workspaces for part in workspace.parts]
    return sum(one.nbytes for one in {id(part.features): part.features for part in parts if part.features}.values())


def test_memory_stays_within_the_limit_and_an_image_let_go_is_computed_again(real_dock):
    dock, store, masks = real_dock, real_dock.controller.features.store, []
    for seed in range(COUNT):
        dock.start(dock.viewer.add_image(blob_image(seed=seed), name=f"image {seed}"))
        limit = int(2.5 * dock.workspace.features.nbytes)
        store.use_memory(limit)
        dock.points.add([16, 16])
        dock.settle()
        masks.append(np.array(dock.labels))
        assert max(store.nbytes, held_by_images(dock)) <= limit
    first, *_, last = dock.controller.state.workspaces
    assert first.parts.at(first.focus).features is None and last.state is FeatureState.READY
    dock.start(dock.viewer.layers["image 0"])
    same(dock.labels, masks[0])
    dock.points.add([33, 48])
    dock.settle()
    same(dock.shown_labels, dock.expected())
    assert held_by_images(dock) <= limit and not dock.errors
    for seed, mask in enumerate(masks[1:], start=1):
        same(dock.viewer.layers[f"image {seed} masks"].data, mask)
