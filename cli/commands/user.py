"""`ask0 user`: look at users, take them out as a file, bring them in from one, deactivate and erase them."""

import sys
from contextlib import ExitStack
from typing import Any, BinaryIO

import click
import orjson

from ask0.cli import deactivations
from ask0.cli.commands.erasure import erase, lift
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.jsonl import open_lines
from ask0.cli.options import find_secret_key, key_option, patience_option, url_option
from ask0.cli.output import echo_json, echo_table, plain
from ask0.cli.progress import Bar
from ask0.cli.target import find_url
from ask0.cli.user_import import UserImport
from ask0.cli.users import open_users, unknown_user
from ask0.schemas.documents import MAX_REASON_CHARS
from ask0.schemas.ids import is_text
from ask0.schemas.listing import DEFAULT_LIMIT, MAX_LIMIT
from ask0.schemas.user_files import FileInvalid, Refused, read_users, write_head, write_line, write_row
from ask0.schemas.user_writes import WriteInvalid, user_id_of
from ask0.warehouse.user_lists import count_users

EXPORT_PAGE = 500
SHOWN = ("id", "email", "name", "plan", "stage", "status", "lastActiveAt")

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")
filter_option = click.option("--filter", "filter_json", metavar="JSON", help="Only these; docs/filters.md says how.")
search_option = click.option("--search", default="", help="Each word somewhere in email, customerId, names or id.")


@click.group("user")
def command() -> None:
    """Look at users, take them out as a file, bring them in from one, deactivate and erase them.

    \b
    Example:
      ask0 user list --filter '{"plan": ["pro"]}'
    """


@command.command("get")
@click.argument("id")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the user as JSON.")
def get(id: str, project: str | None, as_json: bool) -> None:
    """Show all that is known of user ID. A guest who has become a user is shown as that user.

    \b
    Example:
      ask0 user get user_42
    """
    with open_users(project) as users:
        profile = users.find(id)
    if profile is None:
        raise unknown_user(id)
    if as_json:
        echo_json(profile)
        return
    known = {name: value for name, value in profile.items() if value not in (None, [], {})}
    echo_table(("field", "value"), [(name, plain(value)) for name, value in known.items()], "")


@command.command("list")
@project_option
@filter_option
@search_option
@click.option("--sort", default="", metavar="NAMES", help="Up to three, such as -lastActiveAt,traits.seats.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=DEFAULT_LIMIT, show_default=True, help="So many at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print the users as JSON.")
def list_users(project: str | None, filter_json: str | None, search: str, sort: str, limit: int, as_json: bool) -> None:
    """List users: those that the filter and the search leave, in the order asked for, by default that of their ids.

    \b
    Example:
      ask0 user list --sort -lastActiveAt --limit 10
      ask0 user list --filter '{"all": [{"trait": "traits.seats", "op": "gte", "value": 5}]}' --json
    """
    found: list[dict[str, Any]] = []
    with open_users(project) as users:
        for page in users.pages(users.listing(filter_json, search, sort), min(limit, MAX_LIMIT)):
            found += page
            if len(found) >= limit:
                break
    if as_json:
        echo_json(found[:limit])
        return
    rows = [tuple(plain(user[name]) for name in SHOWN) for user in found[:limit]]
    echo_table(SHOWN, rows, "There are no such users.")


@command.command("export")
@project_option
@filter_option
@search_option
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="JSON lines, or CSV whose cells are safe in a spreadsheet.",
)
def export(project: str | None, filter_json: str | None, search: str, fmt: str) -> None:
    """Write users to standard output in the order of their ids: everyone who is there from begin to end, once.

    A line of JSON leaves out what is not known. In CSV, a cell that a spreadsheet would compute begins with an
    apostrophe; lists and objects, such as traits, are JSON in one cell. `ask0 user import` reads both again.

    \b
    Example:
      ask0 user export --format csv > users.csv
      ask0 user export --filter '{"tag": "vip"}' > vip.jsonl
    """
    out = sys.stdout.buffer
    with open_users(project) as users:
        listing = users.listing(filter_json, search)
        with Bar("export", count_users(users.warehouse, listing), "users") as bar:
            if fmt == "csv":
                out.write(write_head())
            write = write_row if fmt == "csv" else write_line
            for page in users.pages(listing, EXPORT_PAGE):
                out.write(b"".join(map(write, page)))
                bar.move(len(page), bar.events + len(page))
    out.flush()


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@url_option
@key_option
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), help="[default: JSON lines begin with a brace]")
@click.option("--report", type=click.File("wb"), metavar="FILE", help="Refused lines as JSON lines, not on stderr.")
@patience_option
@click.option("--json", "as_json", is_flag=True, help="Print the totals as JSON.")
def import_users(
    file: str,
    url: str | None,
    secret_key: str | None,
    fmt: str | None,
    report: BinaryIO | None,
    patience: float,
    as_json: bool,
) -> None:
    """Make or change the users in FILE, CSV or JSON lines, each by the id in it; what is not named stays as it is.

    FILE may be plain, gzip or zstd, or - for standard input. Names are those of the API: id, email, plan, traits, tags,
    consent and so on. The first line of CSV has them, and may have traits.seats for a trait of your own; an empty cell
    says nothing, and cells of traits may hold JSON. What follows from other things, such as status, is left out. Each
    line that is refused is told with its number and reason, and makes the exit code 1.

    \b
    Example:
      ask0 user import users.csv --secret-key sk_… --report refused.jsonl
    """
    settings = read_settings()
    key = find_secret_key(settings, secret_key)
    with ExitStack() as stack:
        lines = stack.enter_context(open_lines(file))
        bar = stack.enter_context(Bar("import", lines.size, "users"))
        run = stack.enter_context(UserImport(find_url(settings, url), key, _reporter(report), patience))
        try:
            run.send_all(read_users(lines, fmt), lambda users: bar.move(users, lines.position))
        except FileInvalid as error:
            raise Failure(str(error)) from None
    totals = run.totals
    if as_json:
        echo_json({"applied": totals.applied, "pending": totals.pending, "refused": totals.refused})
    else:
        waiting = f", {totals.pending:,} on their way" if totals.pending else ""
        click.echo(f"{totals.applied:,} users are applied{waiting}, {totals.refused:,} lines are refused.")
    if totals.refused:
        raise click.exceptions.Exit(FAILED)


@command.command("deactivate")
@click.argument("id")
@project_option
@click.option("--reason", default="", help="Why; kept with the deactivation.")
@click.option("--json", "as_json", is_flag=True, help="Print the user as JSON.")
def deactivate(id: str, project: str | None, reason: str, as_json: bool) -> None:
    """Refuse user ID, and the guests they were until now, wherever it is asked who may use the assistant.

    Gateways follow within moments, and it stands until `ask0 user reactivate`. Events of the user are still taken.
    While ClickHouse is away it is done as well, of the id alone.

    \b
    Example:
      ask0 user deactivate user_42 --reason spam
    """
    if len(reason) > MAX_REASON_CHARS or not is_text(reason):
        raise click.UsageError(f"--reason is text of at most {MAX_REASON_CHARS} characters.")
    _tell(deactivations.deactivate(project, _id(id), reason), "is deactivated", as_json)


@command.command("reactivate")
@click.argument("id")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the user as JSON.")
def reactivate(id: str, project: str | None, as_json: bool) -> None:
    """Let user ID in again. Gateways follow within moments.

    \b
    Example:
      ask0 user reactivate user_42
    """
    done = deactivations.reactivate(project, _id(id))
    _tell(done, "is let in again" if done.changed else "was not deactivated", as_json)


command.add_command(erase)
command.add_command(lift)


def _tell(done: deactivations.Done, what: str, as_json: bool) -> None:
    if as_json:
        echo_json(done.user)
    else:
        click.echo(f"{plain(done.user['id'])} {what}.")
    if not done.is_known:
        click.echo("ClickHouse does not answer: who this is, and which guests they were, is not known.", err=True)


def _id(given: str) -> str:
    try:
        return user_id_of(given, "ID")
    except WriteInvalid as error:
        raise click.UsageError(str(error)) from None


def _reporter(report: BinaryIO | None) -> Any:
    def tell(refused: Refused) -> None:
        if report:
            report.write(orjson.dumps(refused._asdict(), option=orjson.OPT_APPEND_NEWLINE))
        else:
            whose = f" ({plain(refused.id)})" if refused.id else ""
            click.echo(f"line {refused.line}{whose}: {refused.code}: {plain(refused.message)}", err=True)

    return tell
