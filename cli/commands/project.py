"""`ask0 project`: make and list projects."""

import click

from ask0.catalog.keys import create_key
from ask0.catalog.projects import create_project
from ask0.catalog.store import load
from ask0.cli.connection import open_tables
from ask0.cli.environment import read_settings
from ask0.cli.output import echo_json, echo_table, show_time


@click.group("project")
def command() -> None:
    """Make and list projects.

    \b
    Example:
      ask0 project create "Help centre"
    """


@command.command("create")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the project and its keys as JSON.")
def create(name: str, as_json: bool) -> None:
    """Make a project with a write key and a secret key. The secret key is shown this once.

    \b
    Example:
      ask0 project create "Help centre"
    """
    with open_tables(read_settings()) as warehouse:
        project = create_project(warehouse, name)
        write, secret = (create_key(warehouse, project.id, kind) for kind in ("write", "secret"))
    if as_json:
        echo_json({"id": project.id, "name": project.name, "writeKey": write, "secretKey": secret})
        return
    click.echo(f"Project     {project.id}  {project.name}")
    click.echo(f"Write key   {write}  (public: it goes into the snippet)")
    click.echo(f"Secret key  {secret}  (keep it on your servers; it is not shown again)")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the projects as JSON.")
def list_projects(as_json: bool) -> None:
    """List the projects.

    \b
    Example:
      ask0 project list --json
    """
    with open_tables(read_settings()) as warehouse:
        catalog = load(warehouse)
    projects = sorted(catalog.projects.values(), key=lambda project: project.created_at)
    if as_json:
        echo_json([{"id": one.id, "name": one.name, "createdAt": show_time(one.created_at)} for one in projects])
        return
    rows = [(one.id, one.name, show_time(one.created_at)) for one in projects]
    echo_table(("id", "name", "created"), rows, "There are no projects; `ask0 project create NAME` makes one.")
