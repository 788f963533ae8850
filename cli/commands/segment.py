"""`ask0 segment`: which segments a project has, and how many users are in them."""

import time
from collections.abc import Mapping
from typing import Any

import click

from ask0.cli.errors import Failure
from ask0.cli.output import echo_json, echo_table, plain
from ask0.cli.users import Users, open_users
from ask0.gateway.api.segments import KEPT_MS, all_shown
from ask0.schemas.events import write_time
from ask0.schemas.filters import types
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.segments import system_segment
from ask0.warehouse.errors import QueryFailed, Unavailable
from ask0.warehouse.segment_members import read_size
from ask0.warehouse.user_lists import read_plans

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")


@click.group("segment")
def command() -> None:
    """List segments, and count who is in them. `ask0 user list --filter '{"segment": "ID"}'` shows who they are.

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
