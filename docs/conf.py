"""How the pages become a site: ``python -m sphinx -W docs site``.

Sphinx with napari's own theme: it is what readers know from napari, it reads docstrings as numpydoc writes them, and it
is kept (Material for MkDocs ends in 2027). Pages are Markdown, so that they read well where the code is.
"""

import argparse
import os
import pydoc
import re
from importlib.metadata import version as version_of

project = "napari-m2n2v2"
author = copyright = "napari-m2n2v2 developers"
release = version = version_of("napari-m2n2v2")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]
exclude_patterns = ["images"]
html_theme = "napari_sphinx_theme"
html_title = project
html_theme_options = {"navigation_depth": 2, "show_toc_level": 2, "navbar_persistent": ["search-button"]}
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "attrs_block"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]
copybutton_prompt_text = ">>> "

autodoc_typehints = "none"  # numpydoc has them
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
numpydoc_show_class_members = False
nitpicky = True  # a reference in a docstring that names nothing fails the strict build

_PLACE = "<!-- the parser's own words -->"


def command_line():
    """Return every command with its options, as Markdown."""
    from napari_m2n2v2.cli.main import command_parser

    os.environ["COLUMNS"], os.environ["NO_COLOR"] = "100", "1"
    parser = command_parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = []
    for said in commands._choices_actions:
        text = re.sub(r"\x1b\[[0-9;]*m", "", commands.choices[said.dest].format_help())
        parts.append(f"## {said.dest}\n\n{said.help[0].upper()}{said.help[1:]}.\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def fill_in(app, name, source):
    """Write the command line's reference by its parser."""
    if _PLACE in source[0]:
        source[0] = source[0].replace(_PLACE, command_line())


def accept_what_is_not_public(app, env, node, shown):
    """Show the name of something of ours that has no entry in the reference, as long as it exists."""
    return shown if pydoc.locate(node["reftarget"]) is not None else None


def setup(app):
    """Tell Sphinx."""
    app.connect("missing-reference", accept_what_is_not_public)
    app.connect("source-read", fill_in)
    app.add_css_file("pages.css")


html_static_path = ["static"]
