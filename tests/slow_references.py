"""Each stage of the method, slow and obvious: what the fast one is compared with, in tests and in benchmarks."""

import heapq

import numpy as np
import torch
from scipy.ndimage import binary_dilation


def aggregate(blocks, weights):
    """Eq. 1, all heads of all blocks at once."""
    mean = [np.asarray(block, dtype=np.float64).mean(axis=0) for block in blocks]
    total = sum(weight * block for weight, block in zip(weights, mean, strict=True))
    return total / total.sum(axis=1, keepdims=True)


def transition_matrix(attention, temperature=0.65, rounds=200):
    """Temperature, then IPF by dividing the whole matrix (section 3.1)."""
    matrix = np.asarray(attention, dtype=np.float64) ** (1 / temperature)
    matrix /= matrix.sum(axis=1, keepdims=True)
    for _ in range(rounds):
        matrix /= matrix.sum(axis=0, keepdims=True)
        matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix


def markov_map(transition, start, tau=0.3, most=1000):
    """Eq. 3, one cell at a time."""
    transition = np.asarray(transition, dtype=np.float64)
    state = np.asarray(start, dtype=np.float64).ravel()
    steps = np.where(state > tau, 0.0, most)
    reached = state > tau
    for i in range(most):
        previous, state = state, state @ transition
        state = state / state.max()
        for k in np.flatnonzero(~reached & (state > tau)):
            rise = state[k] - previous[k] if i else 1 - tau
            steps[k] = i + 1 - (state[k] - tau) / (rise + 1e-6)
            reached[k] = True
        if reached.all():
            break
    return steps.reshape(np.shape(start))


def upsample(low, guide, sigma_spatial=1.0, sigma_range=0.1):
    """The published filter: bilinear interpolation, then a dense window, one offset of the window after another."""
    low, guide = np.asarray(low, dtype=np.float64), np.asarray(guide, dtype=np.float64)
    _, height, width = guide.shape
    bilinear = torch.nn.functional.interpolate(torch.from_numpy(low)[None, None], (height, width), mode="bilinear")
    bilinear = bilinear[0, 0].numpy()
    step_r, step_c = (full / small * sigma_spatial for full, small in zip((height, width), low.shape, strict=True))
    total, weights = np.zeros((height, width)), np.zeros((height, width))
    for dr in range(-int(3 * step_r), int(3 * step_r) + 1):
        for dc in range(-int(3 * step_c), int(3 * step_c) + 1):
            far = (dr / step_r) ** 2 + (dc / step_c) ** 2
            here = slice(max(-dr, 0), height - max(dr, 0)), slice(max(-dc, 0), width - max(dc, 0))
            there = slice(max(dr, 0), height - max(-dr, 0)), slice(max(dc, 0), width - max(-dc, 0))
            if far > 9 or here[0].start >= here[0].stop or here[1].start >= here[1].stop:
                continue
            unlike = ((guide[:, *there] - guide[:, *here]) ** 2).sum(axis=0) / sigma_range**2
            weight = np.exp(-0.5 * (far + unlike))
            total[here] += weight * bilinear[there]
            weights[here] += weight
    return total / weights


def flood_fill(values, pixel):
    """Minimax paths by Dijkstra's algorithm with a heap."""
    cost = np.abs(values - values[pixel])
    filled = np.full(values.shape, np.inf, dtype=values.dtype)
    filled[pixel] = cost[pixel]
    heap = [(filled[pixel], pixel)]
    while heap:
        level, (r, c) = heapq.heappop(heap)
        if level > filled[r, c]:
            continue
        for rr, cc in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
            if 0 <= rr < values.shape[0] and 0 <= cc < values.shape[1]:
                reached = max(level, cost[rr, cc])
                if reached < filled[rr, cc]:
                    filled[rr, cc] = reached
                    heapq.heappush(heap, (reached, (rr, cc)))
    return filled


def edge_scores(values):
    """``s_edge`` of every candidate: its segment made, dilated and averaged over (section 3.4)."""
    down, across = (np.pad(values, 1, mode="reflect") for _ in range(2))
    by_row = down[2:] - down[:-2]
    by_row = by_row[:, :-2] + 2 * by_row[:, 1:-1] + by_row[:, 2:]
    by_col = across[:, 2:] - across[:, :-2]
    by_col = by_col[:-2] + 2 * by_col[1:-1] + by_col[2:]
    sobel = np.hypot(by_row, by_col)
    sobel = np.floor(sobel / sobel.max() * 1024)
    order = np.argsort(values, axis=None, kind="stable")
    segment, scores = np.zeros(values.shape, dtype=bool), []
    for q in order[:-1]:
        segment.ravel()[q] = True
        border = binary_dilation(segment) & ~segment
        scores.append(sobel[border].mean())
    return np.array(scores)


def nearest_neighbour(maps, thresholds, labels):
    """Eqs. 4, 11 and 12 on the whole stack of maps."""
    scaled = np.stack([m / max(threshold, 1e-7) for m, threshold in zip(maps, thresholds, strict=True)])
    nearest = scaled.argmin(axis=0)
    return np.array(labels)[nearest] & (scaled.min(axis=0) <= 1)
