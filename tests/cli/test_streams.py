"""A shell whose streams are closed, not read to their end, or of another encoding: issue 16, lines 15 and 17."""

import os
import signal
import subprocess
import sys
import warnings

import pytest
from skimage.io import imsave

from napari_m2n2v2.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of Unix")

PRINTS = """
import sys
from napari_m2n2v2.cli.streams import lasting_streams
with lasting_streams():
    for n in range(20_000):
        print("a line", n)
        print("a message", n, file=sys.stderr)
    open({done!r}, "w").close()
"""


def shell(command, **named):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=500, check=False, **named)


@pytest.mark.parametrize("end", ["| head -n 1", "| true", "2>&1 | head -n 1", "2>&-", ">&-", ">&- 2>&-", ">/dev/full"])
def test_line_17_work_goes_on_when_nobody_reads(tmp_path, end):
    done = tmp_path / "done"
    (tmp_path / "prints.py").write_text(PRINTS.format(done=str(done)))
    told = shell(f"{sys.executable} {tmp_path / 'prints.py'} {end}")
    assert done.exists() and "Traceback" not in told.stderr and "Error" not in told.stderr
    assert done.read_bytes() == b"", "a closed stream's number was given to a file"


def test_line_17_a_batch_whose_progress_is_not_read_does_every_image(tmp_path, image):
    (tmp_path / "photos").mkdir()
    for name in "abc":
        imsave(tmp_path / "photos" / f"{name}.png", image)
    (tmp_path / "clicks.csv").write_text("row,col\n16,16\n")
    command = (
        f"{sys.executable} -m napari_m2n2v2.cli segment photos --clicks clicks.csv -o labels --grid 8 --device cpu"
    )
    told = shell(f"cd {tmp_path} && {{ {command} --attention appearance 2>&1; echo $? > code; }} | true")
    assert "Traceback" not in told.stderr
    assert len(list((tmp_path / "labels").glob("*.png"))) == 3 and (tmp_path / "code").read_text() == "0\n"


def test_line_17_an_interrupt_while_modules_are_imported(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        # Where the tests run in the background, it is ignored, and so would it be here.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'napari_m2n2v2.cli.main': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    place = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "napari_m2n2v2.cli", "backbones"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": place}, capture_output=True, text=True, check=False)
    assert done.returncode in (130, -signal.SIGINT) and done.stderr == "napari-m2n2v2: interrupted\n"


def test_line_17_an_interrupt_while_options_are_read(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_m2n2v2.cli.main.command_parser", interrupt)
    assert main(["backbones"]) == 130 and capsys.readouterr().err == "napari-m2n2v2: interrupted\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_line_15_names_outside_the_encoding_of_the_console(tmp_path, encoding):
    script = (
        "import sys\nfrom napari_m2n2v2.cli.streams import lasting_streams\n"
        "with lasting_streams():\n    print('/tmp/маска 核.png: 12 pixels')\n"
    )
    settings = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", script], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "\\u043c" in done.stdout and ".png: 12 pixels" in done.stdout


@pytest.mark.filterwarnings("always")
def test_our_own_warnings_are_one_line(monkeypatch, capsys):
    def warn(options):
        warnings.warn_explicit("two images", UserWarning, str(main.__code__.co_filename), 1)
        return 0

    monkeypatch.setattr("napari_m2n2v2.cli.weights._backbones", warn)
    assert main(["backbones"]) == 0 and capsys.readouterr().err == "napari-m2n2v2: two images\n"
