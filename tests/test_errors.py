"""Every named error leads to where it is explained, and what it leads to is there."""

import copy
import pickle
import re
from pathlib import Path

import pytest

from napari_m2n2v2 import errors
from napari_m2n2v2.cli.explain import sections
from napari_m2n2v2.cli.main import main

PAGE = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text()
NAMES = [name for name in errors.__all__ if name not in ("M2N2V2Error", "with_notes")]


def last_line(error):
    return errors.with_notes(error).splitlines()[-1]


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(errors, "_address_of_pages", lambda: "https://pages.example/m2n2v2")


@pytest.mark.parametrize("name", NAMES)
def test_its_command_prints_its_section(name, capsys):
    line = last_line(getattr(errors, name)("What came."))
    command = line.partition(": napari-m2n2v2 ")[2].split()
    assert main(command) == 0
    title, _, text = capsys.readouterr().out.partition("\n\n")
    builtins = [f"{name} ({one.__name__})" for one in getattr(errors, name).__mro__ if one.__module__ == "builtins"]
    assert title in builtins[:-3] and len(text) > 20  # without Exception, BaseException and object


@pytest.mark.parametrize("name", NAMES)
def test_its_link_has_an_anchor_where_the_pages_have_an_address(name, address):
    page, anchor = re.fullmatch(
        r"More about it: https://pages.example/m2n2v2/(\w+)\.html#(\w+)", last_line(getattr(errors, name)("What came."))
    ).groups()
    assert page == "troubleshooting" and f"({anchor})=\n### {name} (" in PAGE


def test_the_address_is_that_of_the_package(monkeypatch):
    from email.message import Message

    said = Message()
    said["Project-URL"] = "Homepage, https://example.org"
    said["Project-URL"] = "Documentation, https://example.org/pages/"
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: said)
    assert errors._address_of_pages.__wrapped__() == "https://example.org/pages"
    del said["Project-URL"]
    assert errors._address_of_pages.__wrapped__() == ""


def test_a_message_is_as_before_without_its_note():
    class Special(errors.ImageError):
        """An error of ours that the page does not name leads to what it is."""

    assert str(Special("Too dark.")) == "Too dark." and "ImageError" in last_line(Special("Too dark."))
    assert errors.with_notes(errors.M2N2V2Error("Odd.")) == "Odd." == errors.with_notes(ValueError("Odd."))


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"])
def test_an_error_from_another_process_has_its_note_once(again):
    assert len(again(errors.UnreadableFileError("No PNG.")).__notes__) == 1


def test_the_shell_says_where_to_read_on(tmp_path, capsys):
    assert main(["segment", str(tmp_path / "none.png"), "--fg", "1,1", "-o", str(tmp_path / "mask.png")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == last_line(errors.UnreadableFileError("No such file."))


def test_words_of_a_heading_find_its_section(capsys):
    assert main(["explain", "outline", "is"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("The outline is coarse") and "Zoom in" in told
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == list(sections())
    assert main(["explain", "no such words"]) == 2
    assert "without words all are listed" in capsys.readouterr().err


def test_sections_are_plain_text():
    for text in sections().values():
        assert "](" not in text and ")=" not in text
