"""Scribbles, boxes and outlines from files: columns of a table, GeoJSON, COCO boxes."""

import json

import pytest

from napari_m2n2v2 import Box, Click, ClickError, Outline, Scribble, UnreadableFileError
from napari_m2n2v2.batch import read_click_table
from napari_m2n2v2.files.read_clicks import read_drawn


def prompts(table, *names):
    return {index: [one.click for one in placed] for index, placed in table.clicks_of(names).items()}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def feature(kind, at, **told):
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": at}, "properties": told}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


def test_columns_of_a_table(tmp_path):
    text = (
        "row,col,row1,col1,points,shape,class,object\n"
        "1,2,,,,,,\n"
        "3,4,30,40,,,,2\n"
        "5,6,,,7 8; 9 10.5,,bg,1\n"
        "1,1,,,1 9; 9 9,outline,,3\n"
    )
    found = prompts(read_click_table(written(tmp_path / "c.csv", text)), "a")
    assert found == {
        (): [
            Click(1, 2),
            Box(3, 4, 30, 40, 2),
            Scribble([(5, 6), (7, 8), (9, 10.5)], False),
            Outline([(1, 1), (1, 9), (9, 9)], 3),
        ]
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,2,30,,,", "number in the column col1"),
        ("1,2,,,5,", "points such as"),
        ("1,2,,,a b,", "number in the column points"),
        ("1,2,,,,outline", "at least 3 points"),
        ("1,2,,,3 4,circle", "expected the shape"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(tmp_path, line, said):
    path = written(tmp_path / "c.csv", f"row,col,row1,col1,points,shape\n{line}\n")
    with pytest.raises(ClickError, match=f"c.csv, line 2: .*{said}"):
        read_click_table(path)


def test_geojson_says_x_and_y(tmp_path):
    content = collection(
        feature("Point", [20, 10], **{"class": "background"}),
        feature("LineString", [[2, 1], [9, 1]], object=2, threshold=0.5),
        feature("Polygon", [[[1, 1], [9, 1], [9, 5], [1, 1]]], object=3),
        feature("Polygon", [[[1, 1], [9, 1], [9, 5], [1, 5], [1, 1]]], shape="box"),
        feature("MultiPoint", [[3, 4], [5, 6]]),
    )
    path = written(tmp_path / "drawn.geojson", content)
    expected = [
        Click(10, 20, False),
        Scribble([(1, 2), (1, 9)], True, 2, 0.5),
        Outline([(1, 1), (1, 9), (5, 9)], 3),
        Box(1, 1, 5, 9),
        Click(4, 3),
        Click(6, 5),
    ]
    assert list(read_drawn(path)) == expected
    assert prompts(read_click_table(path), "any") == {(): expected}


def test_coco_boxes_are_an_object_each_counted_in_each_image(tmp_path):
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [{"image_id": i, "bbox": [2, 3, 10, 20]} for i in (7, 9, 7)],
    }
    table = read_click_table(written(tmp_path / "coco.json", content))
    assert prompts(table, "a.png") == {(): [Box(3, 2, 22, 11, 1), Box(3, 2, 22, 11, 2)]}
    assert prompts(table, "b.png") == {(): [Box(3, 2, 22, 11, 1)]} and set(table.images) == {"a.png", "b.png"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as prompts"),
        ([], "expected GeoJSON or COCO"),
        ({"type": "Topology"}, "expected GeoJSON"),
        (collection(), "no prompts"),
        (collection(feature("Circle", [1, 2])), "feature 1: expected a point, a line or a polygon"),
        (collection(feature("Point", [1, 2]), feature("LineString", [])), "feature 2: .*at least 1 point"),
        (collection(feature("Point", [1, 2], **{"class": "nucleus"})), "feature 1: expected the class"),
        (collection({"type": "Feature"}), "feature 1: 'geometry' is missing"),
        ({"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}, "annotation 1: 1 is missing"),
        ({"annotations": []}, "'images'"),
    ],
)
def test_json_that_says_no_prompts(tmp_path, content, said):
    with pytest.raises(UnreadableFileError, match=said):
        read_click_table(written(tmp_path / "x.json", content))


def test_a_box_outside_the_image_is_told_with_its_number(tmp_path):
    import numpy as np

    from napari_m2n2v2 import Stack

    path = written(tmp_path / "c.csv", "row,col,row1,col1\n50,2,60,9\n")
    stack = Stack.of(np.zeros((20, 20)))
    with pytest.raises(ClickError, match=r"line 2: The box from row 50.*outside the image"):
        read_click_table(path).clicks_of(["a"], ("y", "x"), stack)
