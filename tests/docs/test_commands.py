"""What the pages tell people to type into a shell runs, or stands in the table of what cannot."""

import os
import shlex
from itertools import pairwise
from pathlib import Path
from string import Template

import pytest

from napari_m2n2v2.cli.main import command_parser, main
from tests.docs.files import make
from tests.docs.not_run import NOT_RUN
from tests.docs.pages import PAGES, PROGRAMS, ROOT, block_commands, fences, name_of, passing_commands, program_of

OURS = "napari-m2n2v2"
ADDRESS = "tcp://10.0.0.1:8786"
WRITTEN = ("-o", "--overlay", "--table", "--cache")
TYPED = {name_of(page): [*block_commands(page), *passing_commands(page)] for page in PAGES}
RUN = {page: [one for one in typed if one not in NOT_RUN] for page, typed in TYPED.items()}


def is_named(command):
    """Whether a command of ours is no more than its name, as in "what `napari-m2n2v2 find` writes"."""
    return command.split()[0] == OURS and len(command.split()) == 2


def test_every_command_runs_here_or_is_in_the_table():
    others = [one for run in RUN.values() for one in run if program_of(one) not in (OURS, "cd", "")]
    assert others == [], "run these in a test, or say in tests/docs/not_run.py why that cannot be"


def test_the_table_names_nothing_that_no_page_tells():
    assert NOT_RUN.keys() <= {one for typed in TYPED.values() for one in typed}


def test_blocks_that_are_read_hold_nothing_to_type():
    """Or it would not be tried."""
    known = {"", "text", "mermaid", "{toctree}", "{eval-rst}", "python", "console"}
    for page in PAGES:
        for kind, body in fences(page):
            assert kind in known, f"{page}: what is to be done with a block of {kind}?"
            if kind in ("", "text"):
                assert not {line.partition(" ")[0] for line in body.splitlines()} & PROGRAMS


@pytest.mark.parametrize("command", NOT_RUN)
def test_what_cannot_be_run_is_checked(command, monkeypatch, capsys):
    reason, check = NOT_RUN[command]
    assert len(reason) > 10
    check(command, monkeypatch)


@pytest.mark.parametrize("command", sorted({one for run in RUN.values() for one in run if program_of(one) == OURS}))
def test_commands_are_understood(command):
    if not is_named(command):
        command_parser().parse_args(shlex.split(command)[1:])


def with_commands_of_ours():
    """The pages; the one of figures takes half a minute."""
    for page, run in RUN.items():
        if any(program_of(one) == OURS for one in run):
            yield pytest.param(page, marks=pytest.mark.slow) if page == "docs/results.md" else page


@pytest.mark.parametrize("page", list(with_commands_of_ours()))
@pytest.mark.usefixtures("cheap", "hub", "workers")
def test_commands_run(page, cluster, tmp_path, monkeypatch, capsys):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    here = tmp_path / "here"
    make(here, RUN[page])
    monkeypatch.chdir(here)
    variables, passing = {}, passing_commands(ROOT / page)
    for command in dict.fromkeys(RUN[page]):
        words = shlex.split(Template(command.replace(ADDRESS, cluster.scheduler_address)).substitute(variables))
        if words[0] == "cd":
            os.chdir(words[1])
        elif program_of(command) != OURS:
            variables |= dict(word.split("=", 1) for word in words)
        elif not (is_named(command) and command in passing):
            assert main(words[1:]) == 0, f"{command}\n{capsys.readouterr().err}"
            for option, name in pairwise(words):
                assert option not in WRITTEN or Path(name).exists(), f"{command} wrote no {name}"
