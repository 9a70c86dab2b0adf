"""The pages for users: their links lead somewhere, and the references are whole.

``dev.py test`` builds them as a site, strictly.
"""

import re
import runpy
from pathlib import Path

import pytest

import napari_m2n2v2 as m
from tests.docs.pages import PAGES, ROOT, read, without_fences


def test_the_parser_writes_the_reference_of_the_command_line():
    conf = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    told = [(ROOT / "docs" / "cli.md").read_text()]
    conf["fill_in"](None, "cli", told)
    assert "\n## explain\n" in told[0] and "--allow-outside" in told[0]


def test_every_public_name_is_in_the_reference():
    told = re.findall(r":: napari_m2n2v2\.(\w+)", (ROOT / "docs" / "api.md").read_text())
    assert sorted(told) == sorted(m.__all__)


def test_what_pages_call_by_its_public_name_is_public():
    named = {name for page in PAGES for name in re.findall(r"`m\.(\w+)", read(page))}
    assert len(named) > 20 and named <= set(m.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text()):
        if not target.startswith("http"):
            file = page.parent / target if target else page
            if "images/" in target and not (ROOT / "docs" / "images").exists():
                continue  # the sdist has no pictures
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def anchors(page):
    """Where links into a page may lead: to its headings, as GitHub and the site name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_what_the_pages_for_contributors_name_exists(page):
    """Files and folders by their path or the end of it, other names somewhere in the code."""
    package = Path(m.__file__).parent  # which is not below the tests where it is installed
    sources = [*package.rglob("*.py"), *ROOT.glob("tests/**/*.py")]
    paths = [f"/src/{path.relative_to(package.parent).as_posix()}" for path in package.rglob("*.py")]
    paths += [f"/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("tests/**/*") if path.suffix != ".pyc"]
    paths += [f"/{path.relative_to(ROOT).as_posix()}" for path in PAGES]
    words = {word for path in sources for word in re.findall(r"\w+", read(path))}
    for name in re.findall(r"`([\w./]+)`", without_fences(read(ROOT / page))):
        if name.endswith("/"):
            assert any(f"/{name}" in path for path in paths), name
        elif "." in name.strip("."):
            assert any(path.endswith(f"/{name}") for path in paths), name
        elif name not in ("xvfb", ".venv"):
            assert name in words, name
