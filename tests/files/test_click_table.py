"""Tables of clicks, also those that napari writes."""

import numpy as np
import pytest

from napari_m2n2v2 import Click, ClickError, UnreadableFileError
from napari_m2n2v2.batch import read_click_table
from napari_m2n2v2.images.stack import Stack

STACK = Stack.of(np.zeros((2, 5, 48, 64)))
AXES = ("t", "z", "y", "x")


def table(tmp_path, text):
    path = tmp_path / "clicks.csv"
    path.write_text(text)
    return read_click_table(path)


def clicks(found):
    return {index: [placed.click for placed in planes] for index, planes in found.items()}


def test_every_column(tmp_path):
    read = table(
        tmp_path,
        "image,row,col,class,object,threshold\n"
        "a.png,1,2.5,foreground,3,0.25\n"
        "b.png,3,4,bg,,\n"
        "\n"
        ",5,6,1,2.0,nan\n"
        "a.png,7,8,0,1,\n",
    )
    assert clicks(read.clicks_of(["a.png", "a"])) == {
        (): [Click(1, 2.5, True, 3, 0.25), Click(5, 6, True, 2), Click(7, 8, False, 1)]
    }
    assert clicks(read.clicks_of(["b.png"])) == {(): [Click(3, 4, False), Click(5, 6, True, 2)]}
    assert [placed.line for placed in read.clicks_of(["a.png"])[()]] == [2, 5, 6]
    assert read.images == {"a.png": 2, "b.png": 3}


@pytest.mark.parametrize(
    "text",
    [
        "row,col\n1,2\n",
        "Col,Row\n2,1\n",
        "\ufeffrow,col\n1,2\n",
        "row;col\n1;2\n",
        "y,x,note\n1,2,hello\n",
        'axis-0,axis-1\n"1.0","2.0"\n',
        "row,col\r\n1,2\r\n",
    ],
)
def test_ways_to_say_the_same(tmp_path, text):
    assert clicks(table(tmp_path, text).clicks_of(["any.png"])) == {(): [Click(1, 2)]}


@pytest.mark.parametrize(
    "text",
    [
        "t,z,row,col\n1,3,10,20\n",
        "T,Z,Y,X\n1,3,10,20\n",
        "axis-0,axis-1,axis-2,axis-3\n1.2,2.5,10,20\n",
        "axis-0,z,row,col\n1,3,10,20\n",
        "axis-0,z,axis-1,row,col\n1,3,3,10,20\n",
    ],
)
def test_planes_of_a_stack(tmp_path, text):
    assert clicks(table(tmp_path, text).clicks_of(["s"], AXES, STACK)) == {(1, 3): [Click(10, 20)]}


def test_an_axis_of_one_plane_need_not_be_given(tmp_path):
    stack = Stack.of(np.zeros((1, 5, 48, 64)))
    assert clicks(table(tmp_path, "z,row,col\n3,10,20\n").clicks_of(["s"], AXES, stack)) == {(0, 3): [Click(10, 20)]}


def test_what_napari_writes(tmp_path):
    """By napari's own writer, from a layer with the features of the plugin's clicks."""
    from napari_builtins.io import napari_write_points

    data = np.array([[0.0, 2.0, 10.0, 20.5], [1.0, 4.4, 7.0, 8.0]])
    features = {
        "class": np.array(["foreground", "background"], dtype=object),
        "object": np.array([1, 2]),
        "threshold": np.array([np.nan, 0.5]),
    }
    napari_write_points(str(tmp_path / "points.csv"), data, {"properties": features})
    found = read_click_table(tmp_path / "points.csv").clicks_of(["s"], AXES, STACK)
    assert clicks(found) == {(0, 2): [Click(10, 20.5)], (1, 4): [Click(7, 8, False, 2, 0.5)]}
    napari_write_points(str(tmp_path / "flat.csv"), data[:, 2:], {})
    assert clicks(read_click_table(tmp_path / "flat.csv").clicks_of(["p"])) == {(): [Click(10, 20.5), Click(7, 8)]}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("one,2,1,1,", "line 3: expected a number in the column row, got 'one'"),
        ("nan,2,1,1,", "line 3: expected a number in the column row"),
        ("1,2,maybe,1,", "line 3: expected the class foreground or background"),
        ("1,2,1,0,", "line 3: expected a whole object number from 1"),
        ("1,2,1,1.5,", "line 3: expected a whole object number"),
        ("1,2,1,1,2", "line 3: expected a threshold between 0 and 1"),
        ("1,2,1,1,far", "line 3: expected a number in the column threshold"),
        ("1,2,1", "line 3: expected 5 columns, got 3"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(tmp_path, line, said):
    with pytest.raises(ClickError, match=said):
        table(tmp_path, f"row,col,class,object,threshold\n1,2,1,1,\n{line}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected the names of columns"),
        ("1,2\n3,4\n", "expected the names of columns"),
        ("row,column\n1,2\n", "expected the names of columns"),
        ("row,row,col\n1,2,3\n", "a name of its own"),
        ("row,col\n", "no clicks"),
    ],
)
def test_files_that_are_no_table(tmp_path, text, said):
    with pytest.raises(UnreadableFileError, match=said):
        table(tmp_path, text)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(UnreadableFileError, match="no file"):
        read_click_table(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\x80\x00row")
    with pytest.raises(UnreadableFileError, match="cannot be read as a table"):
        read_click_table(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("row,col\n1,2\n", "line 2: expected a number in the column t or axis-0"),
        ("t,z,row,col\n1,,1,2\n", "line 2: expected a number in the column z or axis-1"),
        ("t,z,row,col\n1,5,1,2\n", r"line 2: There is no plane \(1, 5\)"),
        ("t,z,row,col\n0,0,1,2\n0,0,48,2\n", "line 3: Click at row 48, col 2 is outside"),
        ("t,z,c,row,col\n1,1,2,1,2\n", "line 2: c 2 is given, but the image has just t, z, y, x"),
        ("t,axis-0,z,row,col\n1,0,1,1,2\n", "line 2: the columns t and axis-0 say different things"),
    ],
)
def test_lines_that_do_not_fit_a_stack(tmp_path, text, said):
    with pytest.raises(ClickError, match=said):
        table(tmp_path, text).clicks_of(["s"], AXES, STACK)


def test_a_plane_of_an_image_that_has_none(tmp_path):
    assert clicks(table(tmp_path, "z,row,col\n0,1,2\n").clicks_of(["p"])) == {(): [Click(1, 2)]}
    with pytest.raises(ClickError, match="line 2: z 3 is given"):
        table(tmp_path, "z,row,col\n3,1,2\n").clicks_of(["p"])


def test_clicks_across_the_stack_are_not_mistaken(tmp_path):
    head = "axis-0,axis-1,axis-2,axis-3,class,object,threshold,axes\n"
    read = table(tmp_path, head + "0,1,5,6,foreground,1,,2 3\n")
    assert clicks(read.clicks_of(["any"], AXES, STACK)) == {(0, 1): [Click(5, 6)]}
    read = table(tmp_path, head + "0,1,5,6,foreground,1,,1 3\n")
    with pytest.raises(ClickError, match="line 2: the click is in a plane of axes 1 and 3"):
        read.clicks_of(["any"], AXES, STACK)
    with pytest.raises(ClickError, match="expected two axes"):
        table(tmp_path, head + "0,1,5,6,foreground,1,,z y\n")
