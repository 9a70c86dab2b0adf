import pytest
import torch

from napari_m2n2v2.method import low_rank
from napari_m2n2v2.method.attention import make_doubly_stochastic_, normalise_rows_
from napari_m2n2v2.method.low_rank import low_rank_of
from napari_m2n2v2.method.markov import markov_map

GRID = 24, 25


@pytest.fixture(autouse=True)
def _few_cells(monkeypatch):
    monkeypatch.setattr(low_rank, "_LEAST_CELLS", 500)
    monkeypatch.setattr(low_rank, "_DIRECTIONS", 120)


def transition_of(width):
    """Cells attend to those that lie near, of a shape that is smooth, by a tilt that makes rows and columns differ."""
    rows, cols = torch.meshgrid(torch.linspace(0, 1, GRID[0]), torch.linspace(0, 1, GRID[1]), indexing="ij")
    places = torch.stack([rows, cols], dim=-1).reshape(-1, 2)
    near = torch.exp(-0.5 * (torch.cdist(places, places + torch.tensor([0.01, 0.02])) / width) ** 2)
    return make_doubly_stochastic_(normalise_rows_(near), 200, 1e-6)


@pytest.mark.parametrize("cell", [0, 313, 599])
def test_the_chain_in_few_directions_gives_the_map_of_the_whole_matrix(cell):
    transition = transition_of(width=0.08)
    start = torch.zeros(GRID)
    start.view(-1)[cell] = 1
    expected = markov_map(transition, start, 0.3, 1000)
    assert expected.max() > 3 * low_rank.FULL_STEPS  # else all would be reached before
    got = markov_map(transition, start, 0.3, 1000, low_rank_of(transition))
    assert (got - expected).abs().max() <= 2e-4 * expected.max()


def test_few_directions_are_found_the_same_again():
    first, again = (low_rank_of(transition_of(width=0.08)) for _ in range(2))
    assert torch.equal(first.directions, again.directions) and torch.equal(first.step, again.step)


def test_there_is_no_short_cut_where_many_directions_last():
    """Cells that only attend to themselves, or to one other, each last on their own."""
    assert low_rank_of(torch.eye(600)) is None
    assert low_rank_of(torch.eye(600).roll(1, dims=0)) is None
    assert low_rank_of(transition_of(width=0.01)) is None


def test_there_is_no_short_cut_for_few_cells(monkeypatch):
    monkeypatch.setattr(low_rank, "_LEAST_CELLS", 601)
    assert low_rank_of(transition_of(width=0.08)) is None
