"""Clicks to reach an IoU on GrabCut, M2N2 mode against M2N2V2: the table in docs/results.md.

    python benchmarks/grabcut.py ../shared/data/grabcut --grid 37 64 --json grabcut.json

Rule "union" (deepest point of all errors together); the annotators' uncertain band takes part neither in the score nor
in choosing clicks. There is no depth here, so V2 differs from M2N2 by its score alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from skimage.io import imread

from napari_m2n2v2 import FeatureParameters, SegmentationParameters, Session, compute_features
from napari_m2n2v2.evaluation.clicker import next_click_union
from napari_m2n2v2.evaluation.metrics import intersection_over_union, mean_iou_at, not_reached, number_of_clicks

MODES = {"M2N2": SegmentationParameters.m2n2(), "M2N2V2": SegmentationParameters()}


def trace(session: Session, truth: np.ndarray, ignore: np.ndarray | None, clicks: int) -> tuple[list[float], float]:
    """Return the IoU after each simulated click, and the seconds a click took."""
    ious: list[float] = []
    seconds = 0.0
    while len(ious) < clicks:
        click = next_click_union(session.result.mask, truth, ignore)
        if click is None:
            break
        begin = time.perf_counter()
        session.click(click)
        seconds += time.perf_counter() - begin
        ious.append(intersection_over_union(session.result.mask, truth, ignore))
    return ious, seconds / max(len(ious), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder with images/, masks/ and perhaps ignore/")
    parser.add_argument("--attention", default="offline")
    parser.add_argument("--grid", type=int, nargs="+", default=[64])
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--limit", type=int, help="only the first so many objects")
    parser.add_argument("--json", type=Path, help="also write the traces here")
    options = parser.parse_args()

    images = {path.stem: path for path in (options.folder / "images").iterdir()}
    masks = sorted((options.folder / "masks").glob("*.png"))[: options.limit]
    results: dict[str, list[list[float]]] = {}
    timing: dict[str, list[float]] = {}
    for mask_path in masks:
        truth = imread(mask_path) > 127
        ignore_path = options.folder / "ignore" / mask_path.name
        ignore = imread(ignore_path) > 127 if ignore_path.exists() else None
        image = imread(images[mask_path.stem.rsplit("__", 1)[0]])
        for grid in options.grid:
            begin = time.perf_counter()
            features = compute_features(image, options.attention, parameters=FeatureParameters(grid=grid))
            feature_seconds = time.perf_counter() - begin
            for mode, parameters in MODES.items():
                key = f"{mode}, grid {grid}"
                ious, click_seconds = trace(Session(features, parameters), truth, ignore, options.clicks)
                results.setdefault(key, []).append(ious)
                timing.setdefault(key, []).append(click_seconds)
                timing.setdefault(f"features, grid {grid}", []).append(feature_seconds)
        print(mask_path.stem, flush=True)

    print(
        f"\n{options.folder.name}: {len(masks)} objects, attention {options.attention}, "
        f"rule union, at most {options.clicks} clicks\n"
    )
    print("| | NoC85 | NoC90 | NoC95 | NoF90 | NoF95 | mIoU@1 | mIoU@3 | mIoU@5 | mIoU@10 | s a click |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for key, traces in results.items():
        clicks = [f"{number_of_clicks(traces, q, options.clicks):.2f}" for q in (0.85, 0.90, 0.95)]
        failed = [str(not_reached(traces, q, options.clicks)) for q in (0.90, 0.95)]
        ious = [f"{mean_iou_at(traces, k):.3f}" for k in (1, 3, 5, 10)]
        print(f"| {' | '.join([key, *clicks, *failed, *ious, f'{np.median(timing[key]):.3f}'])} |")
    for grid in options.grid:
        print(f"\nFeatures at grid {grid}: median {np.median(timing[f'features, grid {grid}']):.1f} s an image")
    if options.json:
        options.json.write_text(json.dumps({"traces": results, "clicks": options.clicks}))


if __name__ == "__main__":
    main()
