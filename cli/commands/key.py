"""`ask0 key`: make, list and revoke keys."""

from collections.abc import Sequence

import click

from ask0.catalog.documents import catalog_of
from ask0.catalog.keys import create_key, find_key, revoke_key
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.cli.documents import read_catalog, with_documents
from ask0.cli.environment import read_settings
from ask0.cli.output import echo_json, echo_table, show_time
from ask0.schemas.catalog import Key, Project
from ask0.schemas.documents import MAX_NAME_CHARS
from ask0.schemas.scopes import SCOPES


@click.group("key")
def command() -> None:
    """Make, list and revoke the keys of projects.

    \b
    Example:
      ask0 key create --secret
    """


@command.command("create")
@click.option("--project", help="Id or name of the project.  [default: the only one]")
@click.option("--secret", is_flag=True, help="A secret key, for servers, instead of a write key, for pages and apps.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="A secret key that may do this, and no more; may be given several times.  [default: all]",
)
@click.option("--name", default="", help="What it is for, as lists show it.")
@click.option("--json", "as_json", is_flag=True, help="Print the key as JSON.")
def create(project: str | None, secret: bool, scopes: tuple[str, ...], name: str, as_json: bool) -> None:
    """Make a key. A secret key is shown this once: only its hash is kept.

    \b
    Example:
      ask0 key create --project "Help centre" --secret
      ask0 key create --scope users:read --scope access:read
    """
    if len(name) > MAX_NAME_CHARS:
        raise click.UsageError(f"--name has at most {MAX_NAME_CHARS} characters.")
    kind = "secret" if secret or scopes else "write"
    chosen = tuple(scope for scope in SCOPES if scope in scopes) or None

    async def make(replica: Replica) -> tuple[Project, str]:
        owner = find_project(catalog_of(replica.state), project)
        return owner, await create_key(replica, owner.id, kind, scopes=chosen, name=name)

    owner, text = with_documents(read_settings(), make)
    if as_json:
        echo_json({"key": text, "kind": kind, "project": owner.id, "scopes": _scopes(kind, chosen)})
        return
    click.echo(text)
    click.echo(f"A {kind} key of {owner.name}. " + ("It is not shown again." if secret else "It is public."), err=True)


@command.command("list")
@click.option("--project", help="Id or name of a project.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON.")
def list_keys(project: str | None, as_json: bool) -> None:
    """List the keys; of secret keys, the first characters.

    \b
    Example:
      ask0 key list --project "Help centre"
    """
    catalog = read_catalog(read_settings())
    only = find_project(catalog, project).id if project else None
    keys = sorted(catalog.keys.values(), key=lambda key: key.created_at)
    rows = [
        (
            key.shown,
            key.kind,
            key.project_id,
            show_time(key.created_at),
            show_time(key.revoked_at),
            _scopes(key.kind, key.scopes),
            key.name,
        )
        for key in keys
        if only in (None, key.project_id)
    ]
    columns = ("key", "kind", "project", "created", "revoked", "scopes", "name")
    if as_json:
        echo_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    echo_table(columns, rows, "There are no keys; `ask0 key create` makes one.")


def _scopes(kind: str, scopes: Sequence[str] | None) -> str:
    """With spaces between them, as OAuth writes them; empty of a write key, which has none."""
    if kind == "write":
        return ""
    return "all" if scopes is None else " ".join(scopes)


@command.command("revoke")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print the key as JSON.")
def revoke(key: str, as_json: bool) -> None:
    """Revoke KEY: the key itself, or its beginning as `ask0 key list` shows it. Gateways follow within seconds.

    \b
    Example:
      ask0 key revoke sk_ab12
    """

    async def revoke_it(replica: Replica) -> Key:
        return await revoke_key(replica, find_key(catalog_of(replica.state), key))

    found = with_documents(read_settings(), revoke_it)
    if as_json:
        echo_json({"key": found.shown, "kind": found.kind, "revoked": show_time(found.revoked_at)})
        return
    click.echo(f"{found.shown} is revoked.")
