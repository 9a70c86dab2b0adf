import numpy as np
import pytest
import torch

from napari_m2n2v2.attention import (
    check_attention,
    flip_cells,
)
from napari_m2n2v2.errors import AttentionError


def random_attention(n, seed=0, sharpness=3.0):
    logits = torch.randn(n, n, generator=torch.Generator().manual_seed(seed))
    return torch.softmax(sharpness * logits, dim=1)


def test_flip_mirrors_query_and_key():
    h, w = 2, 3
    attention = torch.arange(36.0).reshape(6, 6)
    flipped = flip_cells(attention, (h, w)).reshape(h, w, h, w)
    cells = attention.reshape(h, w, h, w)
    for row, col, r, c in np.ndindex(h, w, h, w):
        assert flipped[row, col, r, c] == cells[row, w - 1 - col, r, w - 1 - c]


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (torch.full((6, 5), 0.2), "shape"),
        (torch.full((6, 6), 0.2), "sum to 1"),
        (torch.full((6, 6), float("nan")), "finite"),
        (torch.eye(6) * 2 - torch.roll(torch.eye(6), 1, 0), "negative"),
    ],
)
def test_check_names_what_is_wrong(attention, message):
    with pytest.raises(AttentionError, match=message):
        check_attention(attention, (2, 3))
