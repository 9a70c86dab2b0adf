"""What was measured stands between marks of a page, and the table of targets is made of it."""

import pytest

from benchmarks import page, run, targets

MEASURED = """
| size | grid | first | tenth |
| --- | --- | --- | --- |
| 480x854 | 64 | 64.3 ms | 54.8 ms |
| 480x854 | 128 | 1.25 s | 277 ms |

| stored | MB | load |
| --- | --- | --- |
| a plane | 18.2 | 0.16 s |
"""


def test_the_page_has_a_place_for_all_that_is_measured():
    text = run.PAGE.read_text(encoding="utf-8")
    for name in (*run.PARTS, "targets"):
        page.part(text, name)
    assert {line.part for line in targets.LINES} <= run.PARTS.keys()
    ((_, rows),) = page.tables(targets.targets(text))
    assert len(rows) == len(targets.LINES)


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        (("480x854", "128"), "first", "1.25 s"),
        (("480x854",), "tenth", "54.8 ms"),
        ((), "load", "0.16 s"),
        (("a plane",), "MB", "18.2 MB"),
        (("1024x1024",), "first", None),
        (("480x854",), "load", None),
    ],
)
def test_a_cell_is_found_by_its_row_and_column(row, column, expected):
    assert page.cell(MEASURED, row, column) == expected


@pytest.mark.parametrize(
    ("target", "measured", "expected"),
    [
        ("60 ms", "54.8 ms", "yes"),
        ("60 ms", "64.3 ms", "**no**"),
        ("0.48 s", "477 ms", "yes"),
        ("1.15 times the tenth", "1.27 times", "**no**"),
        ("20 MB", "18.2 MB", "yes"),
        ("the same masks", "the same masks", "yes"),
        ("the same masks", "1 failed, 5 passed", "**no**"),
        ("0.5 s", "not measured, no GPU here", "**no**"),
        ("0.5 s", None, "**no**"),
        ("", "3.69 s", ""),
    ],
)
def test_whether_a_target_is_met(target, measured, expected):
    assert targets.met(target, measured) == expected


def test_a_target_may_be_another_cell():
    line = targets.Line("the tenth", "as the first", "clicks", ("480x854", "64"), "tenth", ("480x854", "128"))
    text = f"<!-- measured: clicks -->\n{MEASURED}<!-- end -->"
    assert targets.row_of(line, text) == ("the tenth", "277 ms, as the first", "54.8 ms", "yes", "clicks")


def test_one_part_is_written_and_the_others_stay(tmp_path, monkeypatch):
    file = tmp_path / "page.md"
    marks = "".join(f"Of {name}.\n<!-- measured: {name} -->\nas it was\n<!-- end -->\n" for name in ("a", "b"))
    file.write_text(marks)
    monkeypatch.setattr(run, "PAGE", file)
    run.write("a", MEASURED)
    assert file.read_text() == marks.replace("as it was", MEASURED.strip(), 1)
    with pytest.raises(ValueError, match="no marks for what is measured of 'c'"):
        run.write("c", MEASURED)
