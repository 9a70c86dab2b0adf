"""Attention by appearance, which needs no weights."""

import numpy as np
import torch

from napari_m2n2v2.backbones.appearance import AppearanceAttention

CPU = torch.device("cpu")


def silent(share, stage):
    pass


class TestAppearance:
    def test_rows_sum_to_one_and_favour_what_looks_alike(self, image):
        attention = AppearanceAttention().attention(image, (12, 16), CPU, silent)
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(192))
        cells = attention.reshape(12, 16, 12, 16)
        in_disc, also_in_disc, beside = cells[4, 4, 4, 3], cells[4, 4, 3, 4], cells[4, 4, 4, 9]
        assert min(in_disc, also_in_disc) > 10 * beside

    def test_a_blank_image_attends_by_position_alone(self):
        attention = AppearanceAttention().attention(np.full((20, 20, 3), 7, np.uint8), (5, 5), CPU, silent)
        assert torch.isfinite(attention).all()
        torch.testing.assert_close(attention[12, 11], attention[12, 13])
