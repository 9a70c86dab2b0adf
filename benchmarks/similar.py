"""How well similar objects are found: ``python -m benchmarks.similar``, with the shared data beside the repository.

F1, precision and recall at IoU 0.5 and 0.7 of all objects but the examples, with one and with three examples, against
two baselines that know the same examples. Examples are masks that the engine made by simulated clicks (rule "union",
until IoU 0.8, at most 5), three draws an image of objects that touch no border and have half to twice the median area.
Every second image, in alphabetical order, is reported on; choices were made by the others (``--half chosen``).

``--advice`` says which runs are advised to be checked; ``--clicks`` counts clicks an object until IoU 0.7;
``--partial`` measures recall alone, on sets where only some objects have a truth; ``--pasted`` exact truth: real nuclei
pasted at random, and the time it takes; ``--fit`` fits the certainty.
"""

import argparse
import time
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.similar_baselines import baseline
from benchmarks.similar_data import DRAWS, KINDS, clicked, names, partial, pasted, scene
from napari_m2n2v2 import compute_features, find_similar
from napari_m2n2v2.evaluation.metrics import intersection_over_union

_MOST_CLICKS, _OBJECTS = 10, 12


def ours(image, examples):
    """Masks and certainties of proposals."""
    found = find_similar(image, examples)
    shape = 0, image.shape[0], 0, image.shape[1]
    return [one.mask.within(shape) for one in found], found


METHODS = {
    "find_similar": lambda image, examples: ours(image, examples)[0],
    "Otsu + watershed": baseline("otsu"),
    "LoG + watershed": baseline("log"),
}


def overlaps(masks, truth, examples):
    """IoU of each mask with each true object that is no example, ``[masks, objects]``, and these objects' ids."""
    given = {int(np.bincount(truth[examples == i]).argmax()) for i in np.unique(examples[examples > 0])}
    areas = np.bincount(truth.ravel())
    ids = [i for i in np.flatnonzero(areas) if i and i not in given]
    table = np.zeros((len(masks), len(areas)))
    for n, mask in enumerate(masks):
        common = np.bincount(truth[mask], minlength=len(areas))
        table[n] = common / (mask.sum() + areas - common)
    return table[:, ids], ids


def scores(table, at):
    """F1, precision and recall; each object is found once at most."""
    found = np.count_nonzero((table >= at).any(axis=0)) if table.size else 0
    masks, objects = table.shape
    return 2 * found / max(masks + objects, 1), found / max(masks, 1), found / max(objects, 1)


def report(options):
    print("| images | examples | method | F1 at 0.5 | precision | recall | F1 at 0.7 | precision | recall |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        scenes = [scene(name, options.keep) for name in names(kind, options.half)]
        for count in (1, 3):
            for method, find in METHODS.items():
                rows = []
                for one in scenes:
                    for draw in range(DRAWS):
                        examples, _ = one.examples(draw, count)
                        if examples.any() and examples.max() == count:
                            table, _ = overlaps(find(one.image, examples), one.truth, examples)
                            rows.append(scores(table, 0.5) + scores(table, 0.7))
                cells = " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
                print(f"| {kind} | {count} | {method} | {cells} |", flush=True)


def advised(options):
    """What is said of runs with three examples, and how good these are."""
    found_by = {}
    for kind in KINDS:
        for one in (scene(name, options.keep) for name in names(kind, options.half)):
            for draw in range(DRAWS):
                examples, _ = one.examples(draw, 3)
                masks, found = ours(one.image, examples)
                table, _ = overlaps(masks, one.truth, examples)
                found_by.setdefault((kind, found.advice), []).append(scores(table, 0.5)[:2])
    for (kind, advice), rows in sorted(found_by.items()):
        f1, precision = np.mean(rows, axis=0)
        print(f"{kind}, 3 examples, {advice!r}: {len(rows)} of the runs, F1 {f1:.3f}, precision {precision:.3f}")


def count_clicks(options):
    """Clicks an object until IoU 0.7: by hand; and with proposals, where each wrong one costs a click to reject."""
    for kind in KINDS:
        hand, with_proposals = [], []
        for one in (scene(name, options.keep) for name in names(kind, options.half)):
            examples, spent = one.examples(0, 3)
            table, ids = overlaps(METHODS["find_similar"](one.image, examples), one.truth, examples)
            features = compute_features(one.image, "offline", "auto", device="cpu")
            some = np.linspace(0, len(ids) - 1, min(_OBJECTS, len(ids))).round().astype(int)
            clicks = np.array([clicked(features, one.truth == ids[n], _MOST_CLICKS, 0.7)[1] for n in some])
            right = (table >= 0.7).any(axis=0)
            wrong = np.count_nonzero(~(table >= 0.7).any(axis=1))
            hand.append(clicks.mean())
            by_hand = clicks[~right[some]].sum() * len(ids) / len(some)
            with_proposals.append((spent + wrong + by_hand) / (len(ids) + 3))
        print(f"{kind}: {np.mean(hand):.2f} clicks an object by hand, {np.mean(with_proposals):.2f} with proposals")


def recall(options):
    """Recall of objects that have a truth, where others have none; the first one is the example, as its truth is."""
    for name, scenes in partial().items():
        for method, find in METHODS.items():
            rows = []
            for image, objects in scenes:
                masks = find(image, objects[0].astype(np.int32))
                best = [max((intersection_over_union(m, true) for m in masks), default=0.0) for true in objects[1:]]
                rows.append([np.mean([value >= at for value in best]) for at in (0.5, 0.7)])
            cells = ", ".join(f"{value:.2f}" for value in np.mean(rows, axis=0))
            print(f"{name}: {len(rows)} images, {method}: recall at 0.5 and 0.7: {cells}", flush=True)


def exact(options):
    """Real nuclei pasted at random on a plane of 1024 x 1024: exact truth, and the time that 500 take."""
    for kind in KINDS:
        image, truth = pasted(scene(names(kind, options.half)[0], options.keep))
        examples = np.where(np.isin(truth, (1, 2, 3)), truth, 0)
        find_similar(image[:256, :256], np.pad(np.ones((9, 9), int), ((9, 238), (9, 238))))  # compile, import
        for method, find in METHODS.items():
            begin, used = time.perf_counter(), time.process_time()
            masks = find(image, examples)
            took, used = time.perf_counter() - begin, time.process_time() - used
            table, ids = overlaps(masks, truth, examples)
            at = ", ".join(f"{scores(table, at)[0]:.3f}" for at in (0.5, 0.7))
            print(f"pasted, {kind}: {len(ids)} objects, {method}: F1 {at}; {took:.1f} s, {used:.1f} s of processor")


def fit(options):
    """Fit the weights of ``similar/certainty.py`` by logistic regression; every image weighs the same."""
    rows, right, weight, runs = [], [], [], []
    for kind in KINDS:
        for one in (scene(name, options.keep) for name in names(kind, options.half)):
            before = len(rows)
            for draw, count in ((draw, count) for draw in range(DRAWS) for count in (1, 3)):
                examples, _ = one.examples(draw, count)
                masks, found = ours(one.image, examples)
                table, _ = overlaps(masks, one.truth, examples)
                for each, best in zip(found, table.max(axis=1, initial=0), strict=True):
                    why = each.why
                    border = _at_border(each, one.truth.shape)
                    rows.append([why.size, why.shape, why.contrast, why.look, found.reproduced, border, 1.0])
                    right.append(best >= 0.5)
                if masks:
                    runs.append((kind, slice(len(rows) - len(masks), len(rows))))
            weight += [1 / max(len(rows) - before, 1)] * (len(rows) - before)
    x, y, w = np.array(rows, float), np.array(right), np.array(weight) * len(rows) / np.sum(weight)
    found, regular = np.zeros(x.shape[1]), np.diag([1.0] * (x.shape[1] - 1) + [1e-6])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ found))
        found -= np.linalg.solve(
            (x * (w * p * (1 - p))[:, None]).T @ x + regular, x.T @ (w * (p - y)) + regular @ found
        )
    print("size shape contrast look reproduced at_border bias:", found.round(2))
    p = 1 / (1 + np.exp(-x @ found))
    for low in np.arange(0, 1, 0.1):
        inside = (p >= low) & (p < low + 0.1)
        if inside.any():
            print(f"certainty {low:.1f} to {low + 0.1:.1f}: {inside.sum()} proposals, {y[inside].mean():.2f} right")
    for kind, least in product(KINDS, (0.75, 0.8, 0.85, 0.9)):
        above = [y[run].mean() for name, run in runs if name == kind and p[run].mean() >= least]
        below = [y[run].mean() for name, run in runs if name == kind and p[run].mean() < least]
        print(
            f"{kind}, mean certainty {least}: {len(above)} runs above, precision {np.mean(above or [0]):.2f}; "
            f"{len(below)} below, {np.mean(below or [0]):.2f}"
        )


def _at_border(proposal, shape):
    top, bottom, left, right = proposal.mask.box
    return top == 0 or left == 0 or bottom == shape[0] or right == shape[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=["reported", "chosen"], default="reported")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep examples there, and take them from there")
    for name in ("advice", "clicks", "partial", "pasted", "fit"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    chosen = [
        (options.advice, advised), (options.clicks, count_clicks), (options.partial, recall), (options.pasted, exact),
        (options.fit, fit),
    ]  # fmt: skip
    for measure in [one for wanted, one in chosen if wanted] or [report]:
        measure(options)
