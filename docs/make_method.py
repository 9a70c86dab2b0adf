"""Make the figures of docs/method.md from one real run: ``python docs/make_method.py``."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from skimage.data import coffee
from skimage.segmentation import find_boundaries

from napari_m2n2v2 import Click, Session, compute_features
from napari_m2n2v2.images.resampling import at_resolution
from napari_m2n2v2.method.markov import markov_map, start_state
from napari_m2n2v2.session.click_map import upsampled_map
from napari_m2n2v2.session.diagnostics import attention_from, margin, markov_map_of, owner, score_curve_of
from napari_m2n2v2.session.seed import working_seed

IMAGES = Path(__file__).parent / "images" / "method"
CLICKS = (Click(330, 150), Click(215, 300, foreground=False), Click(180, 450))
GREEN, RED, BLUE = "#2dcc3f", "#ff4035", "#3c96ff"


def panels(name, titles, height=2.4):
    figure, axes = plt.subplots(1, len(titles), figsize=(3.3 * len(titles), height), layout="constrained")
    for one, title in zip(np.atleast_1d(axes), titles, strict=True):
        one.set_title(title, fontsize=10)
    return figure, np.atleast_1d(axes), IMAGES / f"{name}.png"


def show(axis, picture, clicks, **look):
    axis.imshow(picture, interpolation="nearest", **look)
    for number, click in enumerate(clicks, 1):
        colour = GREEN if click.foreground else RED
        axis.plot(click.col, click.row, "o" if click.foreground else "X", color=colour, mec="white", ms=7)
        if len(clicks) > 1:
            axis.annotate(str(number), (click.col, click.row), (6, 4), textcoords="offset points", color="white")
    axis.set_axis_off()


def outlined(image, mask):
    picture = image.copy()
    picture[find_boundaries(mask, mode="thick")] = (60, 150, 255)
    return np.where(mask[..., None], (0.6 * picture + 0.4 * np.array([60, 150, 255])).astype(np.uint8), picture)


def save(figure, path):
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    IMAGES.mkdir(parents=True, exist_ok=True)
    image = coffee()
    features = compute_features(image)
    session = Session(features)
    first = session.click(CLICKS[0])
    seed, working = working_seed(CLICKS[0], features), features.image.shape[:2]
    parameters = session.parameters

    figure, axes, path = panels("1_attention", ("the click", "attention of its cell"))
    show(axes[0], image, CLICKS[:1])
    attention = attention_from(session, 0)
    show(axes[1], attention, CLICKS[:1], cmap="inferno", vmax=np.percentile(attention, 99.5))
    save(figure, path)

    titles = ("after 1 step", "after 3", "after 10", "steps needed: the Markov-map")
    figure, axes, path = panels("2_chain", titles)
    start = start_state(*seed.pixels[0], working, features.grid_shape, centred=parameters.centred_start)
    state = start.reshape(-1)
    for step in range(1, 11):
        state = state @ features.transition
        if step in (1, 3, 10):
            axis = axes[(1, 3, 10).index(step)]
            relative = (state / state.max()).reshape(features.grid_shape).numpy()
            show(axis, at_resolution(relative, features.shape), CLICKS[:1], cmap="inferno")
    steps = markov_map(features.transition, start, parameters.tau, parameters.max_iterations).numpy()
    show(axes[3], at_resolution(steps, features.shape), CLICKS[:1], cmap="viridis")
    save(figure, path)

    figure, axes, path = panels("3_pixels", ("cells", "joint bilateral upsampling", "flood fill"))
    show(axes[0], at_resolution(steps, features.shape), CLICKS[:1], cmap="viridis")
    upsampled = at_resolution(upsampled_map(features, seed, parameters), features.shape)
    show(axes[1], upsampled, CLICKS[:1], cmap="viridis")
    show(axes[2], markov_map_of(session, 0), CLICKS[:1], cmap="viridis")
    save(figure, path)

    figure, axes, path = panels("4_score", ("score of every threshold", "the mask at the best"))
    curve = score_curve_of(session, 0)
    axes[0].plot(curve.thresholds, curve.scores, color=BLUE)
    axes[0].axvline(curve.chosen, color="black", lw=1, ls=":")
    axes[0].set_xlabel("threshold of the Markov-map", fontsize=8)
    axes[0].tick_params(labelsize=7)
    show(axes[1], outlined(image, first.mask), CLICKS[:1])
    save(figure, path)

    for click in CLICKS[1:]:
        result = session.click(click)
    figure, axes, path = panels("5_nearest", ("which click is nearest", "how clearly", "the mask"))
    colours = ListedColormap(["#20242c", GREEN, RED, "#8fe39a"])
    show(axes[0], owner(session), CLICKS, cmap=colours, vmin=0, vmax=3)
    show(axes[1], margin(session, 1), CLICKS, cmap="coolwarm", vmin=-1, vmax=1)
    show(axes[2], outlined(image, result.mask), CLICKS)
    save(figure, path)


if __name__ == "__main__":
    main()
