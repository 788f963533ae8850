"""`ask0 retention`: how long projects keep what, and its removal now in place of tonight."""

import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from ask0.catalog.documents import catalog_of
from ask0.catalog.jobs import Jobs
from ask0.catalog.project_settings import ProjectSettings
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.cli.connection import open_tables
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.output import echo_json, echo_table
from ask0.consumers.retention.run import Run, of_projects
from ask0.schemas.jobs import Job
from ask0.schemas.project_settings import KEPT, Retention
from ask0.warehouse.retention import read_due

NOTHING = "No project has said how long it keeps anything: PUT /v1/projects/-/settings/retention does."

project_option = click.option("--project", help="Id or name of the project.  [default: all]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("retention")
def command() -> None:
    """See how long projects keep what, and remove what is older.

    \b
    Example:
      ask0 retention run --dry-run
    """


@command.command("show")
@project_option
@json_option
def show(project: str | None, as_json: bool) -> None:
    """Show how many days each project keeps what. What is not shown is kept for ever.

    \b
    Example:
      ask0 retention show
    """

    async def read(replica: Replica) -> list[Retention]:
        return _settings(replica, project)

    found = with_documents(read_settings(), read)
    rows = [
        (one.project_id, kind, days) for one in found for kind, field in KEPT.items() if (days := getattr(one, field))
    ]
    if as_json:
        echo_json([{"project": id, "kind": kind, "days": days} for id, kind, days in rows])
        return
    echo_table(("project", "kind", "days"), [(id, kind, str(days)) for id, kind, days in rows], NOTHING)


@command.command("run")
@click.option("--dry-run", is_flag=True, help="Only count what would go, and name some of it.")
@project_option
@json_option
def run(dry_run: bool, project: str | None, as_json: bool) -> None:
    """Remove what is older than its project keeps it. A worker does so each night; this does it now, also where the
    retention was changed less than a day ago. What is removed cannot be brought back.

    \b
    Example:
      ask0 retention run --dry-run
      ask0 retention run --project shop
    """
    settings = read_settings()
    with open_tables(settings) as warehouse:

        async def count(replica: Replica) -> list[dict[str, Any]]:
            now = time.time_ns() // 1_000_000
            return [
                {"project": one.project_id, "kind": kind, "count": due.number, "sample": due.sample}
                for one in _settings(replica, project)
                for kind, before in one.ends(now).items()
                for due in [read_due(warehouse, one.project_id, kind, before)]
            ]

        async def remove(replica: Replica) -> list[Job]:
            wanted = of_projects(_settings(replica, project), None, None)
            one_run = Run(replica, Jobs(replica), warehouse, seal_of(settings))
            cut = await one_run.go_on()  # whose figures would be counted again
            await one_run.begin(wanted, actor="cli")
            return cut + await one_run.go_on()

        if dry_run:
            _show_due(with_documents(settings, count), as_json)
        else:
            _show_done(with_documents(settings, remove), as_json)


def _settings(replica: Replica, project: str | None) -> list[Retention]:
    """Raises CatalogError for a project that is not there."""
    only = find_project(catalog_of(replica.state), project).id if project else None
    stored = ProjectSettings(replica).retention
    every = [one.document for id in stored.projects for one in stored.of(id).values()]
    return of_projects(sorted(every, key=lambda one: one.project_id), only, None)


def _show_due(due: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        echo_json(list(due))
        return
    rows = [(one["project"], one["kind"], f"{one['count']:,}", ", ".join(one["sample"][:3])) for one in due]
    echo_table(("project", "kind", "would go", "such as"), rows, NOTHING)


def _show_done(jobs: Sequence[Job], as_json: bool) -> None:
    receipts = [{"project": job.project_id, "job": job.id, **msgspec.json.decode(job.receipt)} for job in jobs]
    if as_json:
        echo_json(receipts)
        return
    rows = [
        (one["project"], kind, f"{number:,}", one["job"]) for one in receipts for kind, number in one["removed"].items()
    ]
    echo_table(("project", "kind", "removed", "job"), rows, "Nothing is too old.")
