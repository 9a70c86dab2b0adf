"""Issue 16, line 23: whatever a session file holds, it is read or refused in words, and napari's Open goes on."""

import base64
import json
import re
import tracemalloc
import zlib

import numpy as np
import pytest

from napari_m2n2v2 import Click, UnreadableFileError, load_session, save_session
from napari_m2n2v2._napari.plugin import get_reader
from napari_m2n2v2.images.sparse import Boxed
from napari_m2n2v2.images.tile import Region
from napari_m2n2v2.parameters import SegmentationParameters
from napari_m2n2v2.session.carried import Carried
from napari_m2n2v2.session.document import Document, PlacedClick, PlaneKey
from napari_m2n2v2.session.work import Started

PLANE = PlaneKey((1, 2), (1,))
PART = Region(0, 10, 30, 30)


@pytest.fixture
def path(tmp_path):
    """A good file of a stack: a click on a plane, one in a part of it, labels to start from, a carried object."""
    clicks = Click(16, 16), Click(5.5, 20, False, 2, 0.25)
    document = Document(
        shape=(4, 48, 64),
        placed=(PlacedClick(PLANE, clicks[0]), PlacedClick(PLANE, clicks[1], True, PART)),
        solutions={(PLANE, None): None, (PLANE, PART): None},
        segmentation_parameters=SegmentationParameters(),
        starts=(Started(PLANE, 5, Boxed(2, 3, np.ones((6, 8), bool)), "labels"),),
        carried=(Carried(PLANE, 2, clicks[1:], 0.5, 0, 1),),
    )
    save_session(tmp_path / "s.json", document)
    return tmp_path / "s.json"


def refused(path, naming):
    with pytest.raises(UnreadableFileError, match=re.escape(str(path)) + ".*" + naming):
        load_session(path)
    assert get_reader(str(path)) is None


def put(path, place, value):
    """Change what is at a place, such as ``clicks.0.row``, of a file; a str is put in as raw JSON."""
    content = at = json.loads(path.read_text())
    *way, last = (int(step) if step.isdigit() else step for step in place.split("."))
    for step in way:
        at = at[step]
    at[last] = "<here>"
    path.write_text(json.dumps(content).replace('"<here>"', value))


def test_a_good_file_is_read_as_it_was_written(path):
    found = load_session(path)
    assert [p.click for p in found.placed] == [Click(16, 16), Click(5.5, 20, False, 2, 0.25)]
    assert [p.region for p in found.placed] == [None, PART] and [p.carried for p in found.placed] == [False, True]
    assert found.carried == (Carried(PLANE, 2, (found.clicks[1],), 0.5, 0, 1),)
    (start,) = found.starts
    assert (start.plane, start.object_id, start.origin, start.pixels.box) == (PLANE, 5, "labels", (2, 8, 3, 11))
    assert start.pixels.values.all()
    assert get_reader(str(path)) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("shape", "[4, Infinity, 64]"),
        ("shape", "[4, NaN, 64]"),
        ("shape", "[4, -48, 64]"),
        ("shape", "[]"),
        ("shape", json.dumps([1] * 100_000)),
        ("shape", "[4, 48, 1" + "0" * 4000 + "]"),
        ("shape.1", "48.5"),
        ("shape", '"abc"'),
        ("compete", "1"),
        ("parts.0.axes", "[Infinity, 2]"),
        ("parts.0.axes", "[1, NaN]"),
        ("parts.0.axes", "[1]"),
        ("parts.0.index", "[1e400]"),
        ("parts.1.region", "[0, 0, 9]"),
        ("parts.1.region", "[0, 0, 9, 9, 0.5]"),
        ("parts.0.provenance", "{}"),
        ("parts", "{}"),
        ("starts.0.row", "-1"),
        ("starts.0.labels.shape", "[-6, -8]"),
        ("starts.0.labels.shape", "[1e9, 8]"),
        ("carried.0.doubt", "NaN"),
        ("carried.0.direction", "7"),
        ("carried.0.object_id", "0"),
        ("versions.python", "[3]"),
        ("segmentation_parameters.tau", "NaN"),
        ("segmentation_parameters", '{"tau": 2}'),
        ("segmentation_parameters.reach", '"far"'),
        ("clicks.0.row", '"x"'),
        ("clicks.0.row", "Infinity"),
        ("clicks.0.row", "null"),
        ("clicks.0.row", "true"),
        ("clicks.1.foreground", "{}"),
        ("clicks.1.foreground", '"background"'),
        ("clicks.1.object_id", "0"),
        ("clicks.1.object_id", "4294967296"),
        ("clicks.1.object_id", "1" + "0" * 4000),
        ("clicks.1.threshold", "1.5"),
        ("clicks.1.threshold", "NaN"),
        ("clicks.1.part", "-1"),
        ("clicks.1.part", "0.5"),
        ("clicks.1.carried", "0"),
        ("clicks.1.more", "0"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_place(path, place, value):
    put(path, place, value)
    refused(path, r"is damaged: " + r"\.".join(place.split(".")[:2]))


@pytest.mark.parametrize(
    ("place", "value", "naming"),
    [
        ("parts.0.axes", "[1, 3]", "no plane of axes"),
        ("parts.0.axes", "[-2, -1]", "no plane of axes"),
        ("parts.0.axes", "[2, 1]", "no plane of axes"),
        ("parts.0.axes", "[1, 1]", "no plane of axes"),
        ("parts.0.axes", "[1, 1" + "0" * 4000 + "]", "no plane of axes"),
        ("parts.0.index", "[4]", "no plane of axes"),
        ("parts.0.index", "[-1]", "no plane of axes"),
        ("parts.0.index", "[]", "no plane of axes"),
        ("starts.0.axes", "[0, 1]", "not inside"),
        ("starts.0.index", "[9]", "no plane of axes"),
        ("carried.0.index", "[9]", "no plane of axes"),
        ("clicks.0.row", "48", "outside the image"),
        ("clicks.0.row", "1e300", "outside the image"),
        ("clicks.1.col", "3", "outside its region"),
        ("clicks.1.part", "2", "of part 2, and there are 2"),
        ("parts.1.region", "[0, 10, 49, 30, 1]", "not inside planes"),
        ("parts.1.region", "[0, 10, 30, 30, 0]", "not inside planes"),
        ("starts.0.row", "43", "not inside"),
        ("starts.0.labels.shape", "[6, 9]", "as their shape"),
        ("starts.0.labels.shape", "[6, 7]", "as their shape"),
        ("starts.0.labels.shape", "[1000000, 1000000]", "not inside"),
        ("starts.0.labels.zlib_base64_int32", '"?"', "cannot be unpacked"),
        ("starts.0.labels.zlib_base64_int32", '"AAAA"', "cannot be unpacked"),
        ("starts.0.labels.zlib_base64_int32", '"\\u00e9"', "cannot be unpacked"),
        ("starts.0.labels.zlib_base64_int32", '""', "as their shape"),
        ("format_version", "1" + "0" * 4000, "Install a newer one"),
    ],
)
def test_what_is_not_inside_the_image_is_named(path, place, value, naming):
    put(path, place, value)
    refused(path, naming)


def test_a_row_of_an_image_too_large_for_any_click_is_named(path):
    put(path, "clicks.0.row", "1" + "0" * 4000)
    refused(path, "clicks.0.row")


@pytest.mark.parametrize("value", [None, "x", -1, 2**31, float("inf"), [], {}])
def test_no_value_anywhere_is_an_error_of_another_kind(path, value):
    def places(node, way=()):
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            yield (*way, key)
            yield from places(inner, (*way, key))

    text = path.read_text()
    for *way, last in places(json.loads(text)):
        content = at = json.loads(text)
        for step in way:
            at = at[step]
        at[last] = value
        path.write_text(json.dumps(content))
        if get_reader(str(path)) is not None:
            save_session(path, load_session(path))


@pytest.mark.parametrize("shape", ["[6, 8]", "[30000, 30000]"])
def test_labels_that_unpack_to_more_than_their_shape_take_no_memory(path, shape):
    bomb = base64.b64encode(zlib.compress(bytes(40_000_000), 1)).decode()
    put(path, "shape", "[4, 100000, 100000]")
    put(path, "starts.0.labels.zlib_base64_int32", json.dumps(bomb))
    put(path, "starts.0.labels.shape", shape)
    tracemalloc.start()
    refused(path, "as their shape")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "naming"),
    [
        (b"[" * 100_000, "cannot be read"),
        (b'{"a":' * 100_000, "cannot be read"),
        (b'{"format": "\xff\xfe"}', "cannot be read"),
        ("é".encode("utf-16"), "cannot be read"),
        (b"", "cannot be read"),
        (b"1" * 10_000, "cannot be read"),
        (b"NaN", "no session file"),
        (b"null", "no session file"),
        (b'{"format": {}}', "no session file"),
    ],
)
def test_what_is_no_session_file_is_told(path, content, naming):
    path.write_bytes(content)
    refused(path, naming)


def test_what_cannot_be_opened_is_told(tmp_path):
    (tmp_path / "folder.json").mkdir()
    for name in ("nothing.json", "folder.json", "nul\0.json"):
        refused(tmp_path / name, "cannot be read")
