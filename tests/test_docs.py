"""The README says what is so: every setting as the code knows it, every command, every exit code."""

import re
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from cli.main import COMMANDS, main
from schemas.settings import PREFIX, Settings

README = (Path(__file__).parent.parent / "README.md").read_text()


def commands(group: click.Group, path: str = "ask0") -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((f"{path} {name}", command))
        if isinstance(command, click.Group):
            found += commands(command, f"{path} {name}")
    return found


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else str(field.default)
        shown = f" `{default}` " if default else " "
        rows.append(f"| `{PREFIX}{name.upper()}` |{shown}| {field.description} |")
    table = [line for line in README.splitlines() if line.startswith(f"| `{PREFIX}")]
    assert table == rows


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"`ask0 {name}" in README


@pytest.mark.parametrize(("name", "command"), commands(main), ids=[name for name, _ in commands(main)])
def test_every_command_has_help_with_an_example_of_itself(name: str, command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=name))
    example = text.partition("Example:")[2]
    assert re.search(rf"\b{name}\b", example), text


def test_the_exit_codes_of_the_help_are_those_of_the_readme() -> None:
    for code in ("0", "1", "2", "3"):
        assert re.search(rf"^\| {code} \|", README, re.MULTILINE)


def test_the_changelog_has_the_version_of_the_project() -> None:
    root = Path(__file__).parent.parent
    version = re.search(r'^version = "(.*)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert f"## {version[1]}" in (root / "CHANGELOG.md").read_text()
