"""Markdown of figures: tables, units, and the marks between which a page holds what was measured.

What stands between marks is read again, so that one part can be measured anew and the others stay.
"""

import re

_PART = r"(<!-- measured: {} -->\n)(.*?)(<!-- end -->)"
_UNITS = {"ms": 1e-3, "s": 1.0, "MB": 1.0, "times": 1.0}


def table(head, rows):
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def tables(text):
    """Read the tables in a text: of each its head and its rows, all as lists of words."""
    found, before = [], ""
    for line in text.splitlines():
        if line.startswith("| "):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not before.startswith("|"):
                found.append((cells, []))
            elif not set("".join(cells)) <= set("-: "):
                found[-1][1].append(cells)
        before = line
    return found


def cell(text, row, column):
    """Return a cell of the first table that has this column and a row that begins with these words; None if none.

    A unit that stands in the column's head after a comma, or alone, is put behind the number.
    """
    for head, rows in tables(text):
        if column in head:
            for words in rows:
                if words[: len(row)] == list(row):
                    unit = column.rpartition(", ")[2]
                    return " ".join([words[head.index(column)], *([unit] if unit in _UNITS else [])])
    return None


def show(seconds):
    """Write a time with a fitting unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def number(words):
    """Read the first number with a unit, in seconds or MB; None if there is none."""
    found = re.search(rf"([\d.]+) ({'|'.join(_UNITS)})\b", words)
    return float(found[1]) * _UNITS[found[2]] if found else None


def part(page, name):
    """Return what stands between the marks of a part."""
    found = re.search(_PART.format(re.escape(name)), page, flags=re.S)
    if found is None:
        raise ValueError(f"The page has no marks for what is measured of {name!r}.")
    return found[2]


def with_part(page, name, text):
    """Return the page with this between the marks of a part."""
    part(page, name)
    marks = re.compile(_PART.format(re.escape(name)), flags=re.S)
    return marks.sub(lambda found: f"{found[1]}{text.strip()}\n{found[3]}", page)
