"""What the pages tell people to type: lines of a shell, and Python.

A page shows both in blocks, and in passing between backquotes. What is typed into a shell is in ``console`` fences and
in blocks that are indented by four spaces; ``python`` fences are Python; what is to be read, as a table or an answer,
is in other fences.
"""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROGRAMS = {
    *("cd", "dask", "grep", "napari", "napari-m2n2v2", "pip", "pre-commit", "pytest", "python", "python3"),
    *("rattler-build", "ruff", "source", "ssh", "sudo", "uv", "xvfb-run"),
}
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", flags=re.M | re.S)
_INDENTED = re.compile(r"(?<=\n\n)((?: {4}[^\n]*\n|\n(?= {4}))+)")


def name_of(page):
    """The page's path in the project."""
    return page.relative_to(ROOT).as_posix()


def read(page):
    return page.read_text(encoding="utf-8")


def fences(page):
    """Every fenced block of a page: its kind and its text."""
    return [(kind.strip(), body) for _, kind, body in _FENCE.findall(read(page))]


def without_fences(text):
    return _FENCE.sub("\n", text)


def snippets(page):
    """Its Python."""
    return [body for kind, body in fences(page) if kind == "python"]


def shell_blocks(page):
    """What it shows to be typed into a shell, from top to bottom."""
    text = read(page)
    blocks = [*_INDENTED.findall(without_fences(text)), *(body for kind, body in fences(page) if kind == "console")]
    return sorted(blocks, key=text.find)


def block_commands(page):
    """The commands of its blocks, without remarks; a remark stands after "#" or three spaces."""
    lines = [line.strip() for block in shell_blocks(page) for line in re.sub(r" *\\\n *", " ", block).splitlines()]
    typed = [re.split(r" +# |(?<=\S) {3,}", line)[0] for line in lines]
    return [" ".join(command.split()) for line in typed for command in line.split(" && ") if command]


def passing_commands(page):
    """The commands that it names in passing, with their arguments."""
    text = _INDENTED.sub("\n", without_fences(read(page)))
    spans = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    return [span for span in spans if len(span.split()) > 1 and program_of(span) in PROGRAMS]


def program_of(command):
    """The program that a command starts; empty where it only sets variables."""
    words = [word for word in shlex.split(command) if not re.match(r"\w+=", word)]
    return Path(words[0]).name if words else ""
