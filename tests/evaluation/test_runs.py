"""Data sets, runs and reports of the evaluator."""

import gc
import json

import numpy as np
import pytest
from skimage.draw import polygon2mask
from skimage.io import imread, imsave

from napari_m2n2v2 import Click, ParameterError, Session, UnknownBackboneError, UnreadableFileError, UnwritableFileError
from napari_m2n2v2.cli.main import main
from napari_m2n2v2.evaluation import runner
from napari_m2n2v2.evaluation.baselines import BASELINES
from napari_m2n2v2.evaluation.datasets import inverse_depth, open_dataset
from napari_m2n2v2.evaluation.metrics import intersection_over_union
from napari_m2n2v2.evaluation.results import compare, read_run, table
from napari_m2n2v2.evaluation.runner import evaluate, evaluate_sample
from napari_m2n2v2.evaluation.settings import SWITCHES, RunSettings
from tests.conftest import blob_image

FEW = {"method": "v2", "attention": "appearance", "changed": {"grid": 10}, "max_clicks": 3}


def truths(image):
    return {"disc": image[..., 0] > 120, "square": image[..., 2] > 120}


@pytest.fixture
def folder(tmp_path):
    """Two images with two objects each, depth for one, pixels to ignore for one."""
    place = tmp_path / "blobs"
    for name in ("images", "masks", "depth", "ignore"):
        (place / name).mkdir(parents=True)
    for i in range(2):
        image = blob_image(seed=i)
        imsave(place / "images" / f"im_{i}.png", image)
        for name, truth in truths(image).items():
            imsave(place / "masks" / f"im_{i}__{name}.png", (truth * 255).astype(np.uint8), check_contrast=False)
    imsave(place / "depth" / "im_0.png", np.tile(np.arange(64, dtype=np.uint8), (48, 1)), check_contrast=False)
    ignore = np.zeros((48, 64), np.uint8)
    ignore[:, :4] = 255
    imsave(place / "ignore" / "im_1__disc.png", ignore, check_contrast=False)
    return place


class TestDatasets:
    def test_a_folder(self, folder):
        dataset = open_dataset(folder)
        assert dataset.name == "blobs"
        assert [s.name for s in dataset.samples] == ["im_0__disc", "im_0__square", "im_1__disc", "im_1__square"]
        first, _, third, _ = dataset.samples
        np.testing.assert_array_equal(first.read_truth(), truths(blob_image(seed=0))["disc"])
        assert first.depth is not None and third.depth is None
        assert third.read_ignore()[:, :4].all() and first.read_ignore() is None

    def test_a_limit_is_spread_evenly(self, folder):
        assert [s.name for s in open_dataset(folder, 2).samples] == ["im_0__disc", "im_1__square"]

    def test_the_digest_follows_the_contents(self, folder):
        before = open_dataset(folder).digest()
        assert open_dataset(folder).digest() == before
        (folder / "masks" / "im_0__disc.png").write_bytes((folder / "masks" / "im_0__square.png").read_bytes())
        assert open_dataset(folder).digest() != before

    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools 2
    def test_coco_polygons_and_run_lengths(self, folder):
        truth = truths(blob_image())["disc"]
        corners = [8.0, 6.0, 30.0, 6.0, 30.0, 25.0, 8.0, 25.0]
        flat = truth.ravel(order="F")  # COCO counts down the columns, zeros first
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [1 - flat[-1]]])))
        counts = np.diff(np.concatenate([[0], edges])).tolist()
        content = {
            "images": [{"id": 7, "file_name": "im_0.png", "height": 48, "width": 64}],
            "annotations": [
                {"id": 1, "image_id": 7, "segmentation": [corners]},
                {"id": 2, "image_id": 7, "segmentation": {"size": [48, 64], "counts": counts}},
            ],
        }
        path = folder / "instances.json"
        path.write_text(json.dumps(content))
        drawn, counted = open_dataset(path).samples
        outline = polygon2mask((48, 64), np.array(corners).reshape(-1, 2)[:, ::-1])
        assert intersection_over_union(drawn.read_truth(), outline) > 0.9
        np.testing.assert_array_equal(counted.read_truth(), truth)
        assert counted.image == folder / "images" / "im_0.png"

    @pytest.mark.parametrize("content", ["{", "{}", '{"images": [], "annotations": [{"image_id": 1}]}'])
    def test_files_that_are_no_coco_are_told(self, tmp_path, content):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(UnreadableFileError):
            open_dataset(tmp_path / "x.json")

    def test_folders_without_objects_are_told(self, tmp_path):
        with pytest.raises(UnreadableFileError, match="images/ and masks/"):
            open_dataset(tmp_path)

    def test_distance_becomes_inverse_depth(self):
        distance = np.array([[10, 20], [30, 50]], np.uint8)
        np.testing.assert_allclose(inverse_depth(distance, True), 1 / (np.array([[0, 0.25], [0.5, 1]]) + 0.25))
        np.testing.assert_array_equal(inverse_depth(distance, False), distance)


class TestRuns:
    def test_a_record_is_what_a_session_gives(self, folder):
        sample = open_dataset(folder).samples[0]
        record = evaluate_sample(sample, RunSettings(**FEW))
        assert len(record["ious"]) == len(record["clicks"]) == len(record["seconds"]) <= 3
        from napari_m2n2v2 import FeatureParameters, SegmentationParameters, compute_features

        features = compute_features(imread(sample.image), "appearance", parameters=FeatureParameters(grid=10))
        session = Session(features, SegmentationParameters.paper())
        for (row, col, foreground), iou in zip(record["clicks"], record["ious"], strict=True):
            mask = session.click(Click(row, col, foreground)).mask
            assert iou == pytest.approx(intersection_over_union(mask, sample.read_truth()))
        assert record["effects"] == [effect.why for effect in session.result.effects]

    @pytest.mark.parametrize("method", BASELINES)
    def test_baselines_follow_clicks(self, folder, method):
        record = evaluate_sample(open_dataset(folder).samples[0], RunSettings(method=method, max_clicks=4))
        assert max(record["ious"]) > 0.5 and "error" not in record

    def test_interrupted_runs_go_on_and_lose_nothing(self, folder, tmp_path, monkeypatch):
        path, dataset = tmp_path / "r" / "run.jsonl", open_dataset(folder)
        calls = []

        def stop_after_two(sample, settings):
            if len(calls) == 2:
                raise KeyboardInterrupt
            calls.append(sample.name)
            return evaluate_sample(sample, settings)

        monkeypatch.setattr(runner, "evaluate_sample", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            evaluate(dataset, {path: RunSettings(**FEW)})
        with path.open("a") as file:
            file.write('{"sample": "half-writ')  # as when the machine stops
        monkeypatch.setattr(runner, "evaluate_sample", evaluate_sample)
        evaluate(dataset, {path: RunSettings(**FEW)}, resume=True)
        run = read_run(path)
        assert [record["sample"] for record in run.records] == [sample.name for sample in dataset.samples]

    def test_another_runs_file_is_not_touched(self, folder, tmp_path):
        path, dataset = tmp_path / "run.jsonl", open_dataset(folder, 1)
        evaluate(dataset, {path: RunSettings(**FEW)})
        before = path.read_text()
        with pytest.raises(UnwritableFileError, match="there already"):
            evaluate(dataset, {path: RunSettings(**FEW)})
        with pytest.raises(UnwritableFileError, match="another run"):
            evaluate(dataset, {path: RunSettings(**{**FEW, "changed": {"grid": 8}})}, resume=True)
        assert path.read_text() == before

    # imageio leaves the file open when it cannot read it.
    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_an_unreadable_sample_is_counted_and_skipped(self, folder, tmp_path):
        (folder / "images" / "im_1.png").write_text("no image")
        path = tmp_path / "run.jsonl"
        evaluate(open_dataset(folder), {path: RunSettings(**FEW)})
        gc.collect()
        run = read_run(path)
        assert len(run.records) == 2 and len(run.unreadable) == 2
        assert "2 (2 unreadable)" in table([run])

    def test_what_is_wrong_with_the_run_and_not_a_sample_ends_it(self, folder, tmp_path):
        with pytest.raises(UnknownBackboneError):
            evaluate(open_dataset(folder), {tmp_path / "r.jsonl": RunSettings(attention="typo")})

    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_samples_that_could_not_be_read_are_tried_again(self, folder, tmp_path):
        path, image = tmp_path / "run.jsonl", folder / "images" / "im_1.png"
        whole = image.read_bytes()
        dataset = open_dataset(folder)
        digest = dataset.digest()
        broken = type(dataset)(dataset.name, dataset.samples)
        object.__setattr__(broken, "digest", lambda: digest)
        image.write_text("no image")
        evaluate(broken, {path: RunSettings(**FEW)})
        gc.collect()
        assert len(read_run(path).unreadable) == 2
        image.write_bytes(whole)
        evaluate(dataset, {path: RunSettings(**FEW)}, resume=True)
        run = read_run(path)
        assert len(run.records) == 4 and not run.unreadable

    def test_depth_that_is_not_there_guides_nobody(self, folder, tmp_path):
        import shutil

        settings = RunSettings(**FEW, guide="depth")
        evaluate(open_dataset(folder), {tmp_path / "some.jsonl": settings})
        some = read_run(tmp_path / "some.jsonl")
        assert len(some.records) == 2 and "no depth" in some.unreadable[0]["error"]
        shutil.rmtree(folder / "depth")
        with pytest.raises(UnreadableFileError, match="no depth to guide with"):
            evaluate(open_dataset(folder), {tmp_path / "none.jsonl": settings})

    @pytest.mark.usefixtures("shared_workers")
    def test_two_workers_give_what_one_gives(self, folder, tmp_path):
        dataset, settings = open_dataset(folder), RunSettings(**FEW)
        evaluate(dataset, {tmp_path / "one.jsonl": settings})
        evaluate(dataset, {tmp_path / "two.jsonl": settings}, workers=2)
        one, two = (read_run(tmp_path / name) for name in ("one.jsonl", "two.jsonl"))
        assert [r["clicks"] for r in one.records] == [r["clicks"] for r in two.records]
        np.testing.assert_allclose(np.concatenate(one.traces), np.concatenate(two.traces))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"method": "magic"},
            {"without": ("nothing",)},
            {"click_rule": "x"},
            {"max_clicks": 0},
            {"changed": {"grid": 10.5}},
        ],
    )
    def test_settings_that_do_not_exist_are_told(self, wrong):
        with pytest.raises(ParameterError):
            RunSettings(**wrong)

    def test_every_switch_changes_the_parameters(self):
        from dataclasses import asdict

        from napari_m2n2v2 import SegmentationParameters

        full = asdict(SegmentationParameters())
        for changes in SWITCHES.values():
            assert all(full[name] != value for name, value in changes.items())


class TestReports:
    @pytest.fixture
    def runs(self, folder, tmp_path):
        for method in ("v2", "watershed"):
            evaluate(open_dataset(folder), {tmp_path / f"{method}.jsonl": RunSettings(**{**FEW, "method": method})})
        return [read_run(tmp_path / f"{method}.jsonl") for method in ("v2", "watershed")]

    def test_paired_differences(self, runs):
        assert compare(runs[0], runs[0]) == (0.0, 0.0, 0.0)
        mean, low, high = compare(runs[1], runs[0])
        assert low <= mean <= high

    def test_runs_on_other_data_are_not_compared(self, runs):
        runs[1].header["data_sha256"] = "other"
        with pytest.raises(ParameterError, match="same data"):
            compare(*runs)

    def test_a_file_that_is_no_result_is_told(self, tmp_path):
        (tmp_path / "x.jsonl").write_text("{}\n")
        with pytest.raises(UnreadableFileError):
            read_run(tmp_path / "x.jsonl")


def test_from_the_shell(folder, tmp_path, capsys):
    results, report = str(tmp_path / "results"), tmp_path / "report"
    common = ["evaluate", str(folder), "-o", results, "--attention", "appearance", "--grid", "10", "--max-clicks", "2"]
    assert main([*common, "--limit", "2", "--baselines", "flood"]) == 0
    assert "4 of 4" in capsys.readouterr().err
    assert main([*common, "--limit", "2", "--guide", "depth", "--without", "adaptive"]) == 0
    assert main(["report", results, "-o", str(report), "--data", str(folder)]) == 0
    text = (report / "report.md").read_text()
    assert (
        "| blobs | default_grid-10 | appearance | 2 |" in text
        and "default_depth_without-adaptive_grid-10" in text
        and "flood minus default_grid-10" in text
    )
    assert imread(report / "blobs.png").ndim == 3 and imread(report / "blobs_gallery.png").ndim == 3
    assert main([*common, "--limit", "2"]) == 1 and "--resume" in capsys.readouterr().err


def test_ablations_are_one_command_and_each_run_once(folder, tmp_path):
    results = tmp_path / "results"
    common = [
        "evaluate",
        str(folder),
        "-o",
        str(results),
        "--attention",
        "appearance",
        "--grid",
        "8",
        "--max-clicks",
        "1",
    ]
    assert main([*common, "--limit", "1", "--mode", "v2", "--ablations"]) == 0
    names = sorted(path.stem.removeprefix("blobs_") for path in results.iterdir())
    assert len(names) == 11 and {
        "v2_grid-8",
        "m2n2_grid-8",
        "v2_without-adaptive_grid-8",
        "v2_grid-8_sigma_adaptive-3",
    } <= set(names)
