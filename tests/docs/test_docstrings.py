"""What docstrings name is there: files, and what they refer to."""

import pkgutil
import re
from pathlib import Path

import napari_m2n2v2
from tests.docs.pages import ROOT

SOURCE = Path(napari_m2n2v2.__file__).parent
TEXTS = {str(path.relative_to(SOURCE)): path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}


def test_files_that_are_named_are_there():
    known = [f"/{found.relative_to(SOURCE)}" for found in SOURCE.rglob("*.*")]
    named = [(path, name) for path, text in TEXTS.items() for name in re.findall(r"``([\w./]+\.(?:py|md))``", text)]
    lost = [
        (path, name)
        for path, name in named
        if not (ROOT / name).is_file() and not any(found.endswith(f"/{name}") for found in known)
    ]
    assert len(named) > 10 and not lost


def test_what_is_referred_to_is_there():
    referred = re.compile(r":(?:class|func|meth|mod|data):`~?(napari_m2n2v2[\w.]*)`")
    names = {name for text in TEXTS.values() for name in referred.findall(text)}
    assert len(names) > 50
    for name in names:
        assert pkgutil.resolve_name(name) is not None, name
