"""`ask0 job`: what goes on after its answer, and how far it is."""

from typing import Any

import click

from ask0.catalog.documents import catalog_of
from ask0.catalog.jobs import Jobs
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.output import echo_json, echo_table, plain
from ask0.schemas.jobs import Job, show

SHOWN = ("id", "kind", "status", "done", "total", "createdAt", "finishedAt")

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")


@click.group("job")
def command() -> None:
    """See how far jobs are, such as changes of many users.

    \b
    Example:
      ask0 job list
    """


@command.command("list")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the jobs as JSON.")
def list_jobs(project: str | None, as_json: bool) -> None:
    """List the newest hundred jobs of a project, the newest first.

    \b
    Example:
      ask0 job list --json
    """
    jobs = [show(job) for job in _read(project)]
    if as_json:
        echo_json(jobs)
        return
    rows = [tuple(_cell(job | job["progress"], name) for name in SHOWN) for job in jobs]
    echo_table(SHOWN, rows, "The project has no jobs.")


@command.command("get")
@click.argument("id")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print the job as JSON.")
def get(id: str, project: str | None, as_json: bool) -> None:
    """Show how far job ID is, and what came of it.

    \b
    Example:
      ask0 job get job_1f0c
    """
    job = next((show(job) for job in _read(project) if job.id == id), None)
    if job is None:
        raise Failure(f"there is no job {id!r} in the project; `ask0 job list` shows the newest hundred")
    if as_json:
        echo_json(job)
        return
    told = {**job, **job.pop("progress"), **{f"receipt.{name}": n for name, n in (job.pop("receipt") or {}).items()}}
    names = [name for name, value in told.items() if value is not None and name not in ("progress", "receipt")]
    echo_table(("field", "value"), [(name, _cell(told, name)) for name in names], "")


def _read(project: str | None) -> list[Job]:
    """The newest first."""

    async def read(replica: Replica) -> list[Job]:
        owner = find_project(catalog_of(replica.state), project)
        jobs = Jobs(replica)
        return jobs.newest_first(owner.id)

    return with_documents(read_settings(), read)


def _cell(job: dict[str, Any], name: str) -> str:
    return plain(job[name])
