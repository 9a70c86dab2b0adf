"""Write the tables of docs/results.md from result files: ``python docs/make_results.py RESULTS``.

``RESULTS`` holds the folders that the commands shown on that page fill.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from napari_m2n2v2.evaluation.metrics import bootstrap_interval, clicks_to_reach, mean_iou_at
from napari_m2n2v2.evaluation.results import read_run

PAGE = Path(__file__).with_name("results.md")
FLAT = (
    "dsb2018_nuclei", "isbi2012_em", "mri", "retina", "skin_isic", "wbc_blood", "ct", "histology", "polyps_endoscopy",
    "ultrasound",
)  # fmt: skip


def read(folder):
    """Return runs by label, then by data set."""
    runs = defaultdict(dict)
    for path in sorted(Path(folder).glob("*.jsonl")):
        run = read_run(path)
        if run.records:
            runs[run.settings.label][run.header["dataset"]] = run
    return runs


def of_objects(run, measure):
    """Return a number for each object: NoC at a quality, or the IoU after k clicks."""
    if isinstance(measure, float):
        return clicks_to_reach(run.traces, measure, run.settings.max_clicks)
    return np.array([mean_iou_at([trace], measure) for trace in run.traces])


def interval(values, form):
    low, high = bootstrap_interval(np.asarray(values))
    return f"{np.mean(values):{form}} ({low:{form}} to {high:{form}})"


def table(rows):
    head, *body = rows
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, ["---"] * len(head), *body])


def by_set(runs, labels, measure, form):
    """One row a set, one column a run; the best is bold. A run that did not finish a set has no figure there."""

    def whole(label, name):
        return name in runs[label] and len(runs[label][name].records) == len(runs[labels[0]][name].records)

    sets = [name for name in runs[labels[0]] if all(whole(label, name) for label in labels)]
    rows = [["data set", "objects", *labels]]
    better = min if isinstance(measure, float) else max
    for name in runs[labels[0]]:
        found = {label: of_objects(runs[label][name], measure).mean() for label in labels if whole(label, name)}
        best = better(found.values())
        cells = {label: f"**{mean:{form}}**" if mean == best else f"{mean:{form}}" for label, mean in found.items()}
        rows.append([name, len(runs[labels[0]][name].records), *(cells.get(label, "") for label in labels)])
    together = [np.concatenate([of_objects(runs[label][name], measure) for name in sets]) for label in labels]
    rows.append(["all objects of the full rows", len(together[0]), *(interval(values, form) for values in together)])
    return table(rows)


def paired(run, base, measure):
    """Return the differences of one run from another, object by object."""
    values = [
        dict(zip([r["sample"] for r in one.records], of_objects(one, measure), strict=True)) for one in (run, base)
    ]
    return [values[0][name] - values[1][name] for name in values[1] if name in values[0]]


def differences(runs, base, labels, sets=None):
    """One row a run: how it differs from ``base`` over all objects of all sets, paired."""
    rows = [["run", "objects", "NoC90", "NoC95", "mIoU@1", "mIoU@3", "mIoU@5", "mIoU@10"]]
    names = [name for name in runs[base] if sets is None or name in sets]
    for label in labels:
        cells = []
        for measure in (0.9, 0.95, 1, 3, 5, 10):
            form = "+.2f" if isinstance(measure, float) else "+.3f"
            pairs = [p for n in names if n in runs[label] for p in paired(runs[label][n], runs[base][n], measure)]
            cells.append(interval(pairs, form))
        rows.append([label, len(pairs), *cells])
    return table(rows)


def each_set(runs, base, label, measure, form):
    """One row a set: a run's paired difference from ``base``."""
    rows = [["data set", "objects", base, label, "difference"]]
    for name, run in runs[label].items():
        if name in runs[base]:
            pairs = paired(run, runs[base][name], measure)
            mean = of_objects(run, measure).mean()
            means = [f"{value:{form}}" for value in (mean - np.mean(pairs), mean)]  # of the same objects
            rows.append([name, len(pairs), *means, interval(pairs, f"+{form}")])
    return table(rows)


def full(runs, labels, name):
    """One row a run on one set, in the paper's form."""
    rows = [["run", "objects", "NoC85", "NoC90", "NoC95", "NoF90", "mIoU@1", "mIoU@3", "mIoU@5", "mIoU@10"]]
    for label in labels:
        run = runs[label][name]
        counts = [interval(of_objects(run, q), ".2f") for q in (0.85, 0.9, 0.95)]
        missed = int((of_objects(run, 0.9) >= run.settings.max_clicks).sum())
        rows.append(
            [label, len(run.records), *counts, missed, *(f"{of_objects(run, k).mean():.3f}" for k in (1, 3, 5, 10))]
        )
    return table(rows)


def sections(results):
    """Return the text of each marked place on the page."""
    methods, base = read(results / "methods"), read(results / "baselines")
    tuning, prior, confirmed = (read(results / name) for name in ("tuning", "prior", "confirmation"))
    columns = ["v2", "m2n2", "random-walker", "grabcut", "watershed", "flood"]
    parts = {
        "methods-noc90": by_set(methods, ["v2", "m2n2"], 0.9, ".2f"),
        "methods-miou3": by_set(methods, ["v2", "m2n2"], 3, ".3f"),
        "methods-differences": differences(methods, "m2n2", ["v2"]),
        "baselines-noc90": by_set(base, columns, 0.9, ".2f"),
        "baselines-miou3": by_set(base, columns, 3, ".3f"),
        "prior": differences(prior, "v2", [label for label in prior if label != "v2"]),
    }
    parts.update(of_guides(read(results / "guides"), base))
    if tuning:
        parts["tuning"] = differences(tuning, "v2", [label for label in tuning if label != "v2"])
    for label in list(confirmed):
        confirmed["v2"] = {name: methods["v2"][name] for name in confirmed[label]}
        parts["confirmation"] = differences(confirmed, "v2", [label])
        parts["confirmation-miou1"] = each_set(confirmed, "v2", label, 1, ".3f")
        parts["confirmation-noc90"] = each_set(confirmed, "v2", label, 0.9, ".2f")
    for name in ("nyuv2_rgbd", "ssd_rgbd_sod"):
        parts[f"guided-{name}"] = full(methods, ["v2", "v2_depth", "m2n2"], name)
    order = ("", "_without-jbu-guide", "_without-flood-guide", "_without-guide", "_without-adaptive")
    for name, prefix in (("nyuv2_rgbd", "v2_depth"), ("grabcut", "v2")):
        labels = [label for end in order if name in methods.get(label := f"{prefix}{end}", {})]
        parts[f"ablations-{name}"] = full(methods, [*labels, "m2n2"], name)
        sigmas = [f"{prefix}_sigma_adaptive-{s}" for s in (2, 3, 4, 5, 7)]
        parts[f"sigma-{name}"] = full(methods, [prefix, *(s for s in sigmas if name in methods[s])], name)
    return parts


def of_guides(guides, base):
    """Return the tables of guides: the microscopy and medical sets, those with depth, and thin structures."""
    chosen = ["v2_auto", "v2", "m2n2"]
    flat = defaultdict(dict, {label: {n: r for n, r in guides[label].items() if n in FLAT} for label in chosen})
    parts = {
        "guides-noc90": by_set(flat, chosen, 0.9, ".2f"),
        "guides-miou3": by_set(flat, chosen, 3, ".3f"),
        "guides-miou5": by_set(flat, chosen, 5, ".3f"),
        "guides-differences": differences(flat, "m2n2", ["v2_auto", "v2"]),
    }
    for name in ("nyuv2_rgbd", "ssd_rgbd_sod", "grabcut"):
        labels = [label for label in ("v2", "v2_depth", "v2_depth+auto", "v2_auto") if name in guides.get(label, {})]
        parts[f"guides-{name}"] = full(guides, labels, name)
    columns = ["v2_auto", "random-walker", "grabcut", "watershed"]
    small = defaultdict(dict, {label: {n: r for n, r in base[label].items() if n in FLAT} for label in columns})
    parts["guides-baselines-noc90"] = by_set(small, columns, 0.9, ".2f")
    parts["guides-baselines-miou3"] = by_set(small, columns, 3, ".3f")
    thin = [label for label in guides if "reach" in label]
    parts["reach-retina_vessels"] = full(guides, [label for label in thin], "retina_vessels")
    return parts


def main(results):
    text = PAGE.read_text(encoding="utf-8")
    for name, content in sections(Path(results)).items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if begin in text:
            before, _, rest = text.partition(begin)
            text = f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
        else:
            print(f"no place for {name}", file=sys.stderr)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
