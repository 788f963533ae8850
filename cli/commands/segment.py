"""`ask0 segment`: which segments a project has, how many users are in them, and these as a file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ask0.cli.api import Api
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.options import find_secret_key, key_option, patience_option, url_option
from ask0.cli.output import echo_json, echo_table, plain
from ask0.cli.progress import Bar
from ask0.cli.segment_export import ask_for_export, download
from ask0.cli.target import find_url
from ask0.cli.users import Users, open_users
from ask0.gateway.api.segments import KEPT_MS, all_shown
from ask0.schemas.events import write_time
from ask0.schemas.filters import types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.segments import system_segment
from ask0.schemas.user_export import Format
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.segment_members import read_size
from ask0.warehouse.user_lists import read_plans

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")


@click.group("segment")
def command() -> None:
    """List segments, count who is in them, and export them.

    `ask0 user list --filter '{"segment": "ID"}'` shows who is in one.

    \b
    Example:
      ask0 segment list
    """


@command.command("list")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the segments, with their filters, as JSON.")
def list_segments(project: str | None, as_json: bool) -> None:
    """List the segments: the product's own, one for each plan that users have, and those that the project has made.

    How many users are in one is as it is kept, else counted now, and left empty where it cannot be counted.

    \b
    Example:
      ask0 segment list --json
    """
    with open_users(project) as users:
        own = users.definitions.segments.of(users.project_id).values()
        shown = all_shown(own, read_plans(users.warehouse, users.project_id))
        segments = [{**segment, "size": _size(users, segment)} for segment in shown]
    if as_json:
        echo_json(segments)
        return
    rows = [(one["id"], plain(one["name"]), one["kind"], _number(one["size"])) for one in segments]
    echo_table(("id", "name", "kind", "size"), rows, "There are no segments.")


@command.command("count")
@click.argument("id")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the count, and of when it is, as JSON.")
def count(id: str, project: str | None, as_json: bool) -> None:
    """Count the users in segment ID, by its filter as it is now.

    \b
    Example:
      ask0 segment count seg_active
    """
    with open_users(project) as users:
        if not system_segment(id) and users.definitions.segments.get(users.project_id, id) is None:
            raise Failure(f"there is no segment {id!r}; `ask0 segment list` shows them")
        now = time.time_ns() // 1_000_000
        try:
            counted = users.count(types.Segment((id,)))
        except FilterInvalid as error:
            raise Failure(f"the segment cannot be counted: {error}") from None
    if as_json:
        echo_json({"count": counted, "asOf": write_time(now)})
        return
    click.echo(f"{counted:,}")


@command.command("export")
@click.argument("id")
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file."
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="A line of JSON for each user, or a CSV; of everything a zip of CSVs.",
)
@click.option("--everything", is_flag=True, help="All that is stored of each, 10,000 users at most.")
@url_option
@key_option
@patience_option
def export(
    id: str, path: Path, fmt: Format, everything: bool, url: str | None, secret_key: str | None, patience: float
) -> None:
    """Write the users in segment ID to a file, and print what is in it, with its digest, as JSON.

    It is a job of the server, which waits for a day if this command is ended. What breaks off leaves no file. The key
    needs the scope users:read, for everything events:read too. `ask0 user import` reads the profiles again.

    \b
    Example:
      ask0 segment export seg_active -o active.jsonl
      ask0 segment export seg_active -o active.zip --format csv --everything
    """
    settings = read_settings()
    key, consolation = find_secret_key(settings, secret_key), "`ask0 job list` shows the exports that were asked for"
    with Api(find_url(settings, url), key, patience_seconds=patience, consolation=consolation) as api:
        job = ask_for_export(api, id, fmt, "everything" if everything else "profiles")
        with Bar("export", job["progress"].get("total"), "users") as bar:
            receipt = download(api, job, path, lambda done: bar.move(done - bar.events, done))
    echo_json(receipt)


def _size(users: Users, segment: Mapping[str, Any]) -> int | None:
    """One that cannot be counted does not take the others with it."""
    id = segment["id"]
    try:
        if live := users.definitions.live(users.project_id).get(id):
            kept = read_size(users.warehouse, users.project_id, id, live.definition)
            if kept and time.time_ns() // 1_000_000 - kept.at <= KEPT_MS:
                return kept.members
        return users.count(types.Segment((id,)))
    except (FilterInvalid, QueryFailed, Unavailable):  # too slow is unavailable too
        return None


def _number(size: int | None) -> str:
    return "" if size is None else f"{size:,}"
