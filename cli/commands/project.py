"""`ask0 project`: make and list projects."""

from typing import get_args

import click
from msgspec.structs import replace

from ask0.catalog.documents import catalog_of, replace_document
from ask0.catalog.keys import create_key
from ask0.catalog.projects import create_project, find_project
from ask0.catalog.replica import Replica
from ask0.cli.documents import read_catalog, with_documents
from ask0.cli.environment import read_settings
from ask0.cli.output import echo_json, echo_table, show_time
from ask0.schemas.catalog import Permission, Project

MEANINGS: dict[Permission, str] = {
    "guest": "anyone",
    "login": "whoever is identified",
    "user": "whoever has a verified email",
}


@click.group("project")
def command() -> None:
    """Make and list projects, and say who may chat.

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

    async def make(replica: Replica) -> tuple[Project, str, str]:
        project = await create_project(replica, name)
        write = await create_key(replica, project.id, "write")
        return project, write, await create_key(replica, project.id, "secret")

    project, write, secret = with_documents(read_settings(), make)
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
    catalog = read_catalog(read_settings())
    projects = sorted(catalog.projects.values(), key=lambda project: project.created_at)
    if as_json:
        echo_json(
            [
                {"id": one.id, "name": one.name, "createdAt": show_time(one.created_at), "permission": one.permission}
                for one in projects
            ]
        )
        return
    rows = [(one.id, one.name, show_time(one.created_at)) for one in projects]
    echo_table(("id", "name", "created"), rows, "There are no projects; `ask0 project create NAME` makes one.")


@command.command("permission")
@click.argument("permission", type=click.Choice(get_args(Permission)))
@click.option("--project", default=None, help="Its id or name. Needed if there are several.")
def set_permission(permission: Permission, project: str | None) -> None:
    """Say who may chat: guest is anyone, login whoever is identified, user whoever has a verified email.

    Your chatbot's backend asks: GET /v1/projects/-/access?user=… with a secret key.

    \b
    Example:
      ask0 project permission login
    """

    async def change(replica: Replica) -> Project:
        before = find_project(catalog_of(replica.state), project)
        after = replace(before, permission=permission)
        await replace_document(replica, before, after, "project.permission_changed")
        return after

    changed = with_documents(read_settings(), change)
    click.echo(f"{changed.name}: {MEANINGS[permission]} may chat.")
