"""The command line of ``napari-m2n2v2 explain``: the page *Troubleshooting*, a section at a time."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_commands", "sections"]


def add_commands(commands: Any) -> None:
    """Add ``explain`` to the command line's sub-parsers."""
    explain = commands.add_parser("explain", help="say what an error or a message means, and what to do")
    explain.add_argument(
        "words", nargs="*", metavar="WORD",
        help="the name of an error, such as ImageError, or words of a heading; without any, all headings",
    )  # fmt: skip
    explain.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    known, words = sections(), " ".join(options.words)
    if not words:
        print("\n".join(known))
        return 0
    found = [f"{title}\n\n{text}" for title, text in known.items() if words.lower() in title.lower()]
    if not found:
        print(f"napari-m2n2v2: no heading has the words {words!r}; without words all are listed", file=sys.stderr)
        return 2
    print("\n\n".join(found))
    return 0


def sections() -> dict[str, str]:
    """Return what stands below each heading of the page, without the marks of its links and anchors."""
    plain = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", _page())
    plain = re.sub(r"^\(\w+\)=\n", "", plain, flags=re.MULTILINE)
    _, *parts = re.split(r"^#{2,3} (.+)$", plain, flags=re.MULTILINE)
    told = {title: text.strip() for title, text in zip(parts[::2], parts[1::2], strict=True)}
    return {title: text for title, text in told.items() if text}


def _page() -> str:
    """Return the page: packed into an installed package, and where all pages are in a clone."""
    package = Path(__file__).parents[1]
    packed = package / "troubleshooting.md"
    return (packed if packed.exists() else package.parents[1] / "docs" / packed.name).read_text(encoding="utf-8")
