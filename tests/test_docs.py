"""Documents that cannot drift: generated ones are compared, commands must be described."""

import re
from pathlib import Path

import pytest
import typer.main
from benchmarks import documents
from typer.testing import CliRunner

from brise.service.cli import app

PROJECT = Path(__file__).resolve().parents[1]
COMMANDS = sorted(typer.main.get_command(app).commands)


@pytest.mark.parametrize("name", documents.GENERATED)
def test_generated_documents_are_current(name):
    assert (PROJECT / name).read_text() == documents.GENERATED[name](), "stale: run `make docs`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_readme_is_short_and_its_links_lead_somewhere():
    text = (PROJECT / "README.md").read_text()
    assert text.count("\n") < 150
    for target in re.findall(r"\]\(((?!https?:)[^)#]+)", text):
        assert (PROJECT / target).exists(), target


def test_every_document_links_only_to_what_exists():
    for page in (PROJECT / "docs").rglob("*.md"):
        for target in re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
