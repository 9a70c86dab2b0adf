"""Line 22: two real napari at once, which save into one folder."""

import subprocess
import sys

import numpy as np

from napari_m2n2v2 import load_session

SCRIPT = """
import sys
import napari
import numpy as np
from qtpy.QtTest import QTest
from napari_m2n2v2 import load_session
from napari_m2n2v2._napari.controller import autosave
from napari_m2n2v2.features.states import FeatureState

autosave._KEEP = 1
viewer = napari.Viewer()
layer = viewer.add_image(np.load(sys.argv[1]))
_, widget = viewer.window.add_plugin_dock_widget("napari-m2n2v2", "Segment with clicks")
controller = widget.controller
controller.settings.change(attention="appearance", grid=8, device="cpu")
controller.images.start(layer)


def until(is_so):
    for _ in range(2000):
        if is_so():
            return
        QTest.qWait(10)
    sys.exit("nothing came")


until(lambda: controller.state.active.state is FeatureState.READY)
for n, (row, col) in enumerate(((16, 16), (33, 48), (5, 50)), start=1):
    controller.clicks.add(row, col)
    until(lambda: controller.sessions.autosaves._files)
    (path,) = controller.sessions.autosaves._files.values()
    until(lambda: path.is_file() and len(load_session(path).clicks) == n)
    print(path, flush=True)
    sys.stdin.readline()  # until the other is as far
viewer.close()
"""


def test_line_22_two_napari_that_save_into_one_folder_keep_each_other_s(tmp_path, autosaves, image):
    """Of which one file would be kept; both go on clicking in turn."""
    (tmp_path / "window.py").write_text(SCRIPT)
    running = []
    for name, pixels in (("one", image), ("two", image[::-1])):
        np.save(tmp_path / f"{name}.npy", pixels)
        command = [sys.executable, str(tmp_path / "window.py"), str(tmp_path / f"{name}.npy")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, **pipes))
    try:
        for clicks in (1, 2, 3):
            paths = [napari.stdout.readline().strip() for napari in running]
            assert len(set(paths)) == 2 and all(paths)
            assert [len(load_session(path).clicks) for path in paths] == [clicks] * 2
            for napari in running:
                napari.stdin.write("go on\n")
                napari.stdin.flush()
        assert [napari.wait(60) for napari in running] == [0, 0]
    finally:
        for napari in running:
            napari.kill()
            napari.communicate()
    assert sorted(map(str, autosaves.glob("*.json"))) == sorted(paths)
    assert [len(load_session(path).clicks) for path in paths] == [3, 3]
