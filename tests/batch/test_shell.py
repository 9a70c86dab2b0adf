"""``napari-m2n2v2 segment`` with a table of clicks: a batch from the shell."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from skimage.io import imsave

from napari_m2n2v2 import open_stack, segment_folder
from napari_m2n2v2.cli.main import main
from tests.batch.small_batch import COARSE, FEW, times
from tests.conftest import blob_image


class TestShell:
    def test_a_folder(self, photos, tmp_path, capsys):
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        assert main([str(a) for a in [*arguments, "--overlay", tmp_path / "pictures", "--mode", "m2n2"]]) == 0
        told = capsys.readouterr()
        assert "3 done, 0 done before, 0 of 3 images failed" in told.out
        assert "photos: 3 of 3, 0 s left" in told.err and len(times(tmp_path / "pictures")) == 3
        assert main([str(a) for a in [*arguments, "--mode", "m2n2"]]) == 0
        assert "0 done, 3 done before" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (["--fg", "1,2"], "not both"),
            (["--contrast", "5"], "LOW,HIGH"),
            (["--workers", "0"], "1 or more"),
            (["--workers", "some"], "workers"),
        ],
    )
    def test_unusable_options(self, photos, tmp_path, capsys, more, said):
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE, *more]
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
        assert code == 2 and said in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_options_of_a_batch_need_a_table(self, photos, tmp_path, capsys):
        arguments = ["segment", photos / "p0.png", "--fg", "1,2", "-o", tmp_path / "m.png", "--redo"]
        assert main([str(a) for a in arguments]) == 2
        assert "--redo needs --clicks" in capsys.readouterr().err

    def test_a_wrong_table_is_one_line_and_where_to_read_on(self, photos, tmp_path, capsys):
        (tmp_path / "clicks.csv").write_text("row,col\n1,x\n")
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        assert main([str(a) for a in arguments]) == 1
        told, read_on = capsys.readouterr().err.splitlines()
        assert told == "napari-m2n2v2: clicks.csv, line 2: expected a number in the column col, got 'x'."
        assert read_on == "More about it: napari-m2n2v2 explain ClickError"

    @pytest.mark.parametrize("kind", ["photos", "stack", "tiff"])
    def test_a_killed_run_goes_on_where_it_was(self, request, tmp_path, kind):
        """kill -9, while it works; what it had finished is not touched again, the rest is as without the kill."""
        source = request.getfixturevalue("photos" if kind == "photos" else kind)
        source = source[0] if kind == "tiff" else source
        for n in range(3, 40 if kind == "photos" else 0):
            imsave(source / f"p{n}.png", blob_image(seed=n % 3))
        lines = {"photos": [""], "stack": [f"{t},{z}," for t in (0, 1) for z in range(3)],
                 "tiff": [f"{z}," for z in range(4)]}[kind]  # fmt: skip
        head = {"photos": "", "stack": "t,z,", "tiff": "z,"}[kind]
        places = [f"{plane}{row},{col}\n" for plane in lines for row, col in ((16, 16), (33, 48), (8, 8), (20, 12))]
        (tmp_path / "clicks.csv").write_text(f"{head}row,col\n" + "".join(places))
        out = tmp_path / "out"
        arguments = ["segment", source, "--clicks", tmp_path / "clicks.csv", "-o", out, *COARSE]
        command = [sys.executable, "-m", "napari_m2n2v2.cli", *(str(a) for a in arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        first = process.stderr.readline()  # told when the first plane is on disk
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert " 1 of " in first and process.returncode == -signal.SIGKILL
        finished = sum(json.loads(note.read_text())["planes"][plane]["key"] != ""
                       for note in (out / ".m2n2v2").iterdir()
                       for plane in json.loads(note.read_text())["planes"])  # fmt: skip
        total = 40 if kind == "photos" else len(lines)
        assert 1 <= finished < total
        again = segment_folder(source, tmp_path / "clicks.csv", out, **FEW)
        assert sum(o.skipped for o in again) == finished and sum(o.done for o in again) == total - finished
        fresh = segment_folder(source, tmp_path / "clicks.csv", tmp_path / "fresh", **FEW)
        for one, other in zip(again, fresh, strict=True):
            with open_stack(one.output) as a, open_stack(other.output) as b:
                for index in a.stack:
                    np.testing.assert_array_equal(a.read(index), b.read(index))

    def test_without_qt_or_napari(self, photos, tmp_path):
        (tmp_path / "sitecustomize.py").write_text(
            "import sys\nfor name in ('napari', 'qtpy', 'magicgui', 'superqt'): sys.modules[name] = None\n"
        )
        arguments = ["segment", photos, "--clicks", tmp_path / "clicks.csv", "-o", tmp_path / "out", *COARSE]
        paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "napari_m2n2v2.cli", *(str(a) for a in arguments)],
            env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
