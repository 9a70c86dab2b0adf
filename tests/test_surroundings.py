"""Folders that cannot be written, scripts without a main guard, two at once: issue 16, lines 10, 11, 15, 23 and 27."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import tifffile
from skimage.io import imsave

from napari_m2n2v2.cli.main import main
from napari_m2n2v2.files.lock import alone_with

COARSE = ["--attention", "appearance", "--grid", "8", "--device", "cpu"]


def test_line_10_no_folder_for_compiled_code(tmp_path):
    """Neither beside the package nor at home: it is compiled for this run, and that is said once."""
    script = (
        "import numba.core.caching as caching\n"
        "class Nowhere:\n"
        "    @classmethod\n"
        "    def from_function(cls, *_): return None\n"
        "caching.CacheImpl._locator_classes = [Nowhere]\n"
        "import numpy as np\n"
        "import napari_m2n2v2 as m\n"
        "image = np.zeros((32, 40, 3), np.uint8)\n"
        "image[8:24, 10:30] = 200\n"
        "session = m.Session(m.compute_features(image, 'appearance', parameters=m.FeatureParameters(grid=8)))\n"
        "print(session.click(m.Click(16, 20)).mask[16, 20])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
    assert done.stderr.count("Compiled code cannot be kept") == 1 and "NUMBA_CACHE_DIR" in done.stderr


COMPILED = (
    "import numpy as np\n"
    "from napari_m2n2v2.method.kernel import kernel\n"
    "@kernel()\n"
    "def inner(x): return x + 1\n"
    "@kernel()\n"
    "def outer(x):\n"
    "    total = 0.0\n"
    "    for i in range(x.size): total += inner(x[i])\n"
    "    return total\n"
    "print(outer(np.ones(3)), outer(np.ones(3, np.float32)))\n"
)


def test_line_10_a_disk_that_is_full_of_compiled_code_or_damaged(tmp_path, small_disk):
    """What is compiled is used all the same; what cannot be kept is said once; what cannot be read is made anew."""
    place, _ = small_disk
    (tmp_path / "script.py").write_text(COMPILED)

    def run():
        named = {**os.environ, "NUMBA_CACHE_DIR": str(place)}
        command = [sys.executable, str(tmp_path / "script.py")]
        done = subprocess.run(command, env=named, capture_output=True, text=True, check=False)
        assert done.stdout == "6.0 6.0\n", done.stderr
        return done.stderr.count("Compiled code cannot be kept")

    filler = place / "filler"
    filler.write_bytes(b"x" * 785_000)
    assert run() == 1 and run() == 1
    filler.unlink()
    assert run() == 0
    kept = list(place.rglob("*.nb?"))
    for path in kept:
        path.write_bytes(path.read_bytes()[:200])
    assert kept and run() == 0
    assert all(path.stat().st_size > 200 for path in kept)


def test_line_11_a_codec_that_is_missing(tmp_path, monkeypatch, capsys):
    """The error names the command, and nothing empty is left behind."""

    def lacking(*_, **__):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr("tifffile.TiffPageSeries.asarray", lacking)
    monkeypatch.setattr("napari_m2n2v2.images.stack.Stack.read", lacking)
    (tmp_path / "photos").mkdir()
    tifffile.imwrite(tmp_path / "photos" / "flat.tif", np.zeros((20, 30), np.uint8))
    stack = np.zeros((3, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "photos" / "deep.ome.tif", stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    (tmp_path / "clicks.csv").write_text("image,z,row,col\nflat,,3,4\ndeep,1,3,4\n")
    before = set(tmp_path.rglob("*"))
    flat, mask = str(tmp_path / "photos" / "flat.tif"), str(tmp_path / "mask.png")
    assert main(["segment", flat, "--fg", "3,4", "-o", mask, *COARSE]) == 1
    command = ["segment", str(tmp_path / "photos"), "--clicks", str(tmp_path / "clicks.csv")]
    assert main([*command, "-o", str(tmp_path / "labels"), *COARSE]) == 1
    told = capsys.readouterr().err
    assert told.count('pip install "napari-m2n2v2[stacks]"') == 3 and "Traceback" not in told
    assert set(tmp_path.rglob("*")) == before


def test_line_15_a_script_without_a_main_guard(tmp_path):
    (tmp_path / "script.py").write_text(
        "from napari_m2n2v2.parallel import each_done, pool_of\n"
        "with pool_of(2) as pool:\n"
        "    print([result() for _, result in each_done(abs, [1, -2], pool)])\n"
    )
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 1 and done.stdout == ""
    lines = done.stderr.splitlines()
    assert 'if __name__ == "__main__":' in lines[-2] and "ParameterError" in lines[-2]
    assert lines[-1] == "More about it: napari-m2n2v2 explain ParameterError"
    assert done.stderr.count("Traceback") == 1 and len(lines) < 30, done.stderr


class TestLine27:
    def test_a_second_writer_is_refused_and_the_first_goes_on(self, tmp_path):
        path = tmp_path / "run.jsonl"
        other = (
            "from pathlib import Path\nfrom napari_m2n2v2.files.lock import alone_with\n"
            f"with alone_with(Path({str(path)!r})):\n    pass\n"
        )
        with alone_with(path):
            held = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
        assert held.returncode == 1 and "is being written by another process" in held.stderr
        free = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
        assert free.returncode == 0

    def test_an_object_written_twice_counts_once(self, tmp_path):
        """As by machines whose disk knows no locks."""
        from napari_m2n2v2.evaluation.results import read_run
        from napari_m2n2v2.evaluation.settings import RunSettings

        header = {"settings": RunSettings().__dict__, "dataset": "a", "data_sha256": "b"}
        record = {"sample": "one", "ious": [0.5]}
        path = tmp_path / "run.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in (header, record, record)))
        assert len(read_run(path).records) == 1


def test_line_23_results_of_an_evaluation_on_a_disk_that_cannot_be_written(tmp_path, small_disk, image):
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    imsave(tmp_path / "data" / "images" / "a.png", image)
    imsave(tmp_path / "data" / "masks" / "a__1.png", (image[..., 0] > 120).astype(np.uint8) * 255)
    place, read_only = small_disk
    read_only()
    for output in (place, place / "results"):
        assert main(["evaluate", str(tmp_path / "data"), "-o", str(output), *COARSE[:4]]) == 1


def test_line_30_the_readme_says_how_to_get_less_than_cuda():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    install = readme.partition("## Install")[2].partition("\n## ")[0]
    assert "6.4 GB" in install and "https://download.pytorch.org/whl/cpu" in install
