"""`ask0 job`: what goes on after its answer, how far it is, its end, and whether a receipt is one of ours."""

from typing import Any

import click
import msgspec

from ask0.catalog.documents import catalog_of
from ask0.catalog.jobs import Jobs
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.cli.api import Api
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.job_cancels import cancel_job
from ask0.cli.options import find_secret_key, key_option, patience_option, url_option
from ask0.cli.output import echo_json, echo_table, plain
from ask0.cli.receipts import Receipt, is_file, is_ours, read_receipt
from ask0.cli.target import find_url
from ask0.schemas.jobs import Job, show

SHOWN = ("id", "kind", "status", "done", "total", "createdAt", "finishedAt")

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")


@click.group("job")
def command() -> None:
    """See how far jobs are, such as changes of many users, cancel them, and check their receipts.

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
    job = show(_find(project, id))
    if as_json:
        echo_json(job)
        return
    told = {**job, **job.pop("progress"), **{f"receipt.{name}": n for name, n in (job.pop("receipt") or {}).items()}}
    names = [name for name, value in told.items() if value is not None and name not in ("progress", "receipt")]
    echo_table(("field", "value"), [(name, _cell(told, name)) for name in names], "")


@command.command("cancel")
@click.argument("id")
@url_option
@key_option
@patience_option
@click.option("--json", "as_json", is_flag=True, help="Print the job as JSON.")
def cancel(id: str, url: str | None, secret_key: str | None, patience: float, as_json: bool) -> None:
    """End job ID before all of it is done. What was done until then stays, and its receipt says what that is.

    One that nobody has begun ends at once, another after the piece at hand. A job that erases goes on to its end. The
    key needs the scope users:write.

    \b
    Example:
      ask0 job cancel job_1f0c
    """
    settings = read_settings()
    key, consolation = find_secret_key(settings, secret_key), f"`ask0 job get {plain(id)}` says how far it is"
    with Api(find_url(settings, url), key, patience_seconds=patience, consolation=consolation) as api:
        job = cancel_job(api, id)
    if as_json:
        echo_json(job)
    elif job["status"] == "cancelled":
        click.echo(f"The job {plain(id)} is cancelled.")
    else:
        click.echo(f"The job {plain(id)} ends after the piece at hand; `ask0 job get {plain(id)}` shows it.")


@command.command("verify")
@click.argument("receipt", metavar="JOB|FILE")
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(receipt: str, project: str | None, as_json: bool) -> None:
    """Check the receipt of an erasure: that of JOB, or the one in FILE, - for standard input. Exits 1 if it is not what
    this deployment has signed, or was changed since.

    FILE is the receipt, or the job that has it, as JSON. It needs the key of the gateways: ASK0_SEALING_KEY, or
    sealing.key in the data folder.

    \b
    Example:
      ask0 job verify job_1f0c
      ask0 job verify receipt.json
    """
    found = read_receipt(receipt) if is_file(receipt) else _receipt(_find(project, receipt))
    valid = is_ours(seal_of(read_settings()), found)
    if as_json:
        echo_json({"valid": valid, "receipt": found})
    elif valid:
        what = f"{plain(found.get('did'))} of {plain(found.get('people'))} people, {plain(found.get('job'))}"
        click.echo(f"The receipt is as it was signed: {what}.")
    else:
        click.echo("The receipt is not what was signed here: it was changed, or another deployment has made it.")
    if not valid:
        raise click.exceptions.Exit(FAILED)


def _receipt(job: Job) -> Receipt:
    found = msgspec.json.decode(job.receipt)
    if not isinstance(found, dict):
        raise Failure(f"the job {job.id} has no receipt: it is {job.status}")
    return found


def _find(project: str | None, id: str) -> Job:
    job = next((job for job in _read(project) if job.id == id), None)
    if job is None:
        raise Failure(f"there is no job {id!r} in the project; `ask0 job list` shows the newest hundred")
    return job


def _read(project: str | None) -> list[Job]:
    """The newest first."""

    async def read(replica: Replica) -> list[Job]:
        owner = find_project(catalog_of(replica.state), project)
        jobs = Jobs(replica)
        return jobs.newest_first(owner.id)

    return with_documents(read_settings(), read)


def _cell(job: dict[str, Any], name: str) -> str:
    return plain(job[name])
