"""The documentation says what is so: settings, commands, exit codes, calls of a page, sizes, versions, links."""

import ast
import json
import re
import tomllib

import click
import pytest
from pydantic import SecretStr

from ask0.cli.limits import table
from ask0.cli.main import COMMANDS, main
from ask0.schemas.catalog import Verification
from ask0.schemas.reasons import Reason
from ask0.schemas.settings import PREFIX, Settings
from tests.doc_pages import PAGES, ROOT, SDK_PAGES

ALL_PAGES = PAGES | SDK_PAGES
README = PAGES["README.md"]
TYPES = (ROOT / "widget" / "src" / "types.ts").read_text()
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")


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


def members(interface: str) -> list[str]:
    """The names that a TypeScript interface of the widget declares."""
    body = re.search(rf"export interface {interface} \{{\n(.*?)\n\}}", TYPES, re.DOTALL)
    assert body
    return re.findall(r"^  (\w+)[<(?:]", body[1], re.MULTILINE)


def first_cells(page: str, heading: str) -> list[str]:
    """Of the rows of the table that begins with this heading."""
    rows = PAGES[page].partition(f"| {heading} |")[2].splitlines()[2:]
    table = rows[: next((index for index, row in enumerate(rows) if not row.startswith("|")), None)]
    return [row.split("|")[1].strip().strip("`") for row in table]


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", ALL_PAGES[page], re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


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
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_table_of_calls_is_what_a_page_can_say() -> None:
    calls = [re.match(r"\w+", cell) for cell in first_cells("widget/README.md", "call")]
    assert sorted(call[0] for call in calls if call) == sorted(set(members("Ask0")) - {"q"})


def test_the_tables_of_options_and_of_happenings_are_those_of_the_types() -> None:
    assert sorted(first_cells("widget/README.md", "option")) == sorted(members("Options"))
    assert first_cells("widget/README.md", "`on`") == members("Happenings")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_calls_that_there_are(page: str) -> None:
    assert set(re.findall(r"\bask0\.([a-z]\w*)\(", PAGES[page])) <= set(members("Ask0"))


def test_the_sizes_are_the_budgets_of_the_build() -> None:
    budgets = re.search(r"const BUDGET = \{(.*?)\}", (ROOT / "widget" / "build.js").read_text())
    assert budgets
    built = {name: int(size.replace("_", "")) for name, size in re.findall(r'"([\w.]+)": ([\d_]+)', budgets[1])}
    rows = re.findall(r"^\| `([\w.]+)` \| ([\d,]+) \|", PAGES["docs/sizes.md"], re.MULTILINE)
    assert {name: int(size.replace(",", "")) for name, size in rows} == built


def test_the_sdks_are_the_ones_that_the_tests_run() -> None:
    packages = json.loads((ROOT / "tests" / "sdks" / "node" / "package.json").read_text())["dependencies"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = packages | dict(name.split("==") for name in extras["dev"] if "==" in name)
    rows = re.findall(r"^\| `([\w@/-]+)` \| ([\d.]+)", PAGES["docs/sdks.md"], re.MULTILINE)
    assert rows
    assert [(name, pinned[name]) for name, _ in rows] == rows


def test_the_refusals_of_tokens_and_the_readable_traits_are_those_of_the_code() -> None:
    page = PAGES["docs/verification.md"]
    assert first_cells("docs/verification.md", "code") == [reason for reason in Reason if reason.startswith("token_")]
    listed = page.partition("without a setting they are")[2].partition(".")[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == Verification().readable


@pytest.mark.parametrize("page", ALL_PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for path, anchor in LINK.findall(ALL_PAGES[page]):
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), path
        assert not anchor or anchor in anchors(str(target.relative_to(ROOT))), anchor


def test_the_errors_are_those_of_the_code() -> None:
    listed = cells("docs/errors.md", "## Codes")
    assert len({*listed}) == len(listed)
    assert {*listed} == codes_of_the_gateway()
    assert cells("docs/errors.md", "## Of one event") == [*Reason]


def cells(page: str, heading: str) -> list[str]:
    """The first cells of the table in a section."""
    section = PAGES[page].partition(f"{heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def codes_of_the_gateway() -> set[str]:
    """Those of the kinds of errors, and those that are raised in their place."""
    found = {f"invalid_{part}" for part in ("body", "query")}
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    found.add(code)
                case ast.Assign(targets=[ast.Name("code")], value=ast.Constant(value=str(code))):
                    found.add(code)
    return found


def test_analysts_are_granted_tables_by_name_and_never_the_catalog() -> None:
    granted = re.findall(
        r"SELECT ON (\S+)", " ".join(re.findall(r"^GRANT .*", PAGES["deploy/README.md"], re.MULTILINE))
    )
    assert granted
    assert not {"ask0.*", "ask0.catalog"} & set(granted)


def test_the_table_of_bounds_is_made_from_the_constants() -> None:
    assert table() in README, "put what `python -m ask0.cli.limits` prints into the README"
