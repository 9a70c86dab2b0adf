"""What every backbone promises (AttentionBackbone, DepthBackbone), checked on each of them alike."""

import numpy as np
import pytest
import torch

from napari_m2n2v2 import Cancelled, FeatureParameters, compute_features, find_backbone, find_depth, release_models
from napari_m2n2v2.backbones import offline_file
from napari_m2n2v2.guides.channel import as_guide
from tests.backbones.tiny_models import save_depth_anything, save_dinov2, save_marigold, save_stable_diffusion

CPU = torch.device("cpu")


def silent(share, stage):
    pass


def halves(grid_shape=(8, 12)):
    """Images of two halves, above each other and side by side, and which cells are of the second."""
    for axis in (0, 1):
        side = np.indices(grid_shape)[axis] >= grid_shape[axis] // 2
        yield np.where(side.repeat(8, 0).repeat(8, 1)[..., None], (220, 180, 40), 0).astype(np.uint8), side


def attends_to_its_side(attention, side):
    """Tell whether cells attend more to others of their side than across, and not so if columns came first.

    Little more is enough: backbones of random weights hardly tell the halves apart.
    """
    others = ~np.eye(side.size, dtype=bool)

    def ratio(side):
        same = side[:, None] == side[None]
        return attention[same & others].mean() / attention[~same].mean()

    return ratio(side.ravel()) > 1.03 * max(ratio(side.T.ravel()), 1)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    place = tmp_path_factory.mktemp("hub")
    return {
        "dinov2": str(save_dinov2(place / "dinov2")),
        "stable-diffusion": str(save_stable_diffusion(place / "sd")),
        "depth-anything": str(save_depth_anything(place / "da")),
        "marigold": str(save_marigold(place / "marigold")),
    }


@pytest.fixture(autouse=True)
def _alone():
    release_models()


class TestAttention:
    @pytest.fixture(params=["dinov2", "stable-diffusion", "offline", "appearance"])
    def backbone(self, request, hub):
        if request.param == "offline" and offline_file.find() is None:
            pytest.skip("the extra 'offline' is not installed")
        return find_backbone(hub.get(request.param, request.param)).backbone

    @pytest.mark.parametrize("grid_shape", [(6, 8), (9, 5), (2, 2)])
    def test_rows_are_distributions_over_the_cells(self, backbone, image, grid_shape):
        attention = backbone.attention(image, grid_shape, CPU, silent)
        n = grid_shape[0] * grid_shape[1]
        assert attention.shape == (n, n) and attention.dtype == torch.float32 and attention.device == CPU
        assert torch.isfinite(attention).all() and (attention >= 0).all()
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(n), atol=1e-4, rtol=0)

    def test_the_caller_owns_the_answer_and_it_is_always_the_same(self, backbone, image):
        first = backbone.attention(image, (5, 6), CPU, silent)
        kept = first.clone()
        first.zero_()
        torch.testing.assert_close(backbone.attention(image, (5, 6), CPU, silent), kept, atol=0, rtol=0)

    def test_cells_are_counted_row_by_row(self, backbone):
        """Cells attend to their own half of an image, where rows put it; swapped cells would not pass."""
        attentions = [(side, backbone.attention(image, side.shape, CPU, silent).numpy()) for image, side in halves()]
        assert all(attends_to_its_side(attention, side) for side, attention in attentions)
        by_column = np.arange(attentions[0][0].size).reshape(attentions[0][0].shape).T.ravel()
        everything = slice(None)
        for swap in (np.ix_(by_column, by_column), (by_column, everything), (everything, by_column)):
            assert not all(attends_to_its_side(attention[swap], side) for side, attention in attentions)

    def test_the_image_is_left_alone(self, backbone, image):
        before = image.copy()
        backbone.attention(image, (4, 4), CPU, silent)
        np.testing.assert_array_equal(image, before)

    def test_progress_rises_and_cancel_passes_through(self, backbone, image):
        shares = []
        backbone.attention(image, (5, 5), CPU, lambda share, stage: shares.append(share))
        assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1

        def stop(share, stage):
            raise Cancelled

        with pytest.raises(Cancelled):
            backbone.attention(image, (5, 5), CPU, stop)

    def test_it_has_a_name_a_revision_and_a_grid(self, backbone):
        assert backbone.name and isinstance(backbone.weights_revision, str) and backbone.default_grid >= 2
        backbone.release()


class TestDepth:
    @pytest.fixture(params=["depth-anything", "marigold"])
    def backbone(self, request, hub):
        return find_depth(hub[request.param]).backbone

    @pytest.mark.parametrize("shape", [(48, 64), (37, 51), (20, 90)])
    def test_depth_has_the_images_size(self, backbone, shape):
        image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
        depth = backbone.depth(image, CPU, silent)
        assert depth.shape == shape and depth.dtype == np.float32 and np.isfinite(depth).all()

    def test_an_image_of_next_to_nothing_is_no_trouble(self, backbone):
        image = np.full((32, 40, 3), 90, np.uint8)
        image[0, 0] = 91
        features = compute_features(image, "appearance", backbone, "cpu", parameters=FeatureParameters(grid=4))
        assert features.guide is None or (features.guide.min(), features.guide.max()) == (0, 1)

    def test_it_is_always_the_same(self, backbone, image):
        first = backbone.depth(image, CPU, silent)
        np.testing.assert_array_equal(backbone.depth(image, CPU, silent), first)
        backbone.release()
        np.testing.assert_array_equal(backbone.depth(image, CPU, silent), first)

    def test_progress_rises_and_cancel_passes_through(self, backbone, image):
        shares = []
        backbone.depth(image, CPU, lambda share, stage: shares.append(share))
        assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1
        seen = []

        def stop(share, stage):
            seen.append(share)
            if share > 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            backbone.depth(image, CPU, stop)
        assert len(seen) < len(shares)

    def test_it_guides(self, backbone, image):
        features = compute_features(image, "appearance", backbone, "cpu", parameters=FeatureParameters(grid=6))
        depth = backbone.depth(image, CPU, silent)
        np.testing.assert_allclose(features.guide, as_guide(depth, depth.shape, depth.shape), atol=1e-6)
        assert features.guide_from.startswith(f"{backbone.name} sha256:")

    def test_flip_equals_flipping_by_hand(self, backbone, image):
        parameters = FeatureParameters(grid=4, test_time_flip=True)
        features = compute_features(image, "appearance", backbone, "cpu", parameters=parameters)
        mirrored = backbone.depth(np.ascontiguousarray(image[:, ::-1]), CPU, silent)[:, ::-1]
        depth = (backbone.depth(image, CPU, silent) + mirrored) / 2
        np.testing.assert_allclose(features.guide, as_guide(depth, depth.shape, depth.shape), atol=1e-5)
