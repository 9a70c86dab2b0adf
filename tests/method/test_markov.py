import math

import numpy as np
import pytest
import torch

from napari_m2n2v2.method.markov import markov_map, start_state


@pytest.mark.parametrize("a", [0.01, 0.05, 0.2, 0.4])
@pytest.mark.parametrize("tau", [0.1, 0.3, 0.7])
def test_two_state_chain_has_a_closed_form(a, tau):
    """p_t[1] / p_t[0] = (1 - d) / (1 + d) with d = (1 - 2a)**t, so it passes tau first at a known t."""
    transition = torch.tensor([[1 - a, a], [a, 1 - a]])
    reached = markov_map(transition, torch.tensor([[1.0, 0.0]]), tau, 1000)
    first = math.floor(math.log((1 - tau) / (1 + tau)) / math.log(1 - 2 * a)) + 1
    assert reached[0, 0] == 0
    assert first - 1 <= reached[0, 1] <= first
    ratio = [(1 - (1 - 2 * a) ** t) / (1 + (1 - 2 * a) ** t) for t in (first - 1, first)]
    rise = ratio[1] - ratio[0] if first > 1 else 1 - tau
    assert reached[0, 1] == pytest.approx(first - (ratio[1] - tau) / (rise + 1e-6), abs=1e-3)


def test_cells_never_reached_get_the_most_iterations():
    reached = markov_map(torch.eye(3), torch.tensor([[1.0, 0.0, 0.0]]), 0.3, 25)
    assert reached.tolist() == [[0.0, 25.0, 25.0]]


def test_rows_are_where_a_cell_goes():
    """A one-way street 0 -> 1 -> 2: nothing comes back, so row and column must not be swapped."""
    transition = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    reached = markov_map(transition, torch.tensor([[1.0, 0.0, 0.0]]), 0.3, 50)
    assert reached[0, 0] == 0 and 0 < reached[0, 1] <= 1 < reached[0, 2] <= 2


def test_start_state_is_bilinear_and_keeps_row_and_col_apart():
    state = start_state(30, 10, (100, 40), (11, 5))
    row, col = 10 * 30 / 100, 4 * 10 / 40
    assert state.shape == (11, 5) and state.max() == 1
    assert state[int(row), int(col)] == 1 and np.count_nonzero(state) == 1
    between = start_state(35, 15, (100, 40), (11, 5))
    torch.testing.assert_close(between[3:5, 1:3], torch.ones(2, 2))


@pytest.mark.parametrize("pixel", [(0, 0), (99, 39), (99, 0), (0, 39)])
def test_start_state_at_the_corners_stays_inside(pixel):
    state = start_state(*pixel, (100, 40), (11, 5))
    assert state.sum() > 0 and torch.isfinite(state).all()
