import numpy as np
import pytest
import torch

from napari_m2n2v2.errors import AttentionError
from napari_m2n2v2.method.attention import adjust_temperature_, check_attention, flip_cells, make_doubly_stochastic_


def random_attention(n, seed=0, sharpness=3.0):
    logits = torch.randn(n, n, generator=torch.Generator().manual_seed(seed))
    return torch.softmax(sharpness * logits, dim=1)


@pytest.mark.parametrize("temperature", [0.3, 0.65, 1.0, 2.0])
def test_temperature_is_the_softmax_of_the_scaled_logarithm(temperature):
    attention = random_attention(40)
    expected = torch.softmax(torch.log(attention.double()) / temperature, dim=1)
    torch.testing.assert_close(adjust_temperature_(attention, temperature).double(), expected, rtol=1e-4, atol=1e-8)


def test_temperature_keeps_zeros_and_very_small_rows():
    attention = torch.tensor([[0.0, 1.0], [1e-30, 1e-32]])
    sharpened = adjust_temperature_(attention, 0.5)
    torch.testing.assert_close(sharpened[0], torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(sharpened[1], torch.tensor([1.0, 1e-4]) / 1.0001)


def test_ipf_equals_dividing_columns_and_rows_again_and_again():
    attention = random_attention(30)
    expected = attention.double()
    for _ in range(200):
        expected = expected / expected.sum(dim=0, keepdim=True)
        expected = expected / expected.sum(dim=1, keepdim=True)
    got = make_doubly_stochastic_(attention.clone(), 200, 0.0)
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-9)


def test_ipf_that_stops_early_is_doubly_stochastic():
    fitted = make_doubly_stochastic_(random_attention(50), 200, 1e-6)
    torch.testing.assert_close(fitted.sum(dim=0), torch.ones(50), atol=2e-5, rtol=0)
    torch.testing.assert_close(fitted.sum(dim=1), torch.ones(50), atol=2e-5, rtol=0)


def test_ipf_works_in_place_and_survives_an_empty_column():
    attention = random_attention(6)
    attention[:, 2] = 0
    fitted = make_doubly_stochastic_(attention, 20, 1e-6)
    assert fitted.data_ptr() == attention.data_ptr()
    assert torch.isfinite(fitted).all()


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
