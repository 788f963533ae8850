"""`ask0 verification`: the keys that check who a project's users are, and what their pages may read."""

from typing import IO

import click

from ask0.catalog.documents import catalog_of
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import seal_of
from ask0.catalog.verification import (
    KeyMaterial,
    add_verification_key,
    make_readable,
    make_verification_key,
    remove_verification_key,
    require_verification,
)
from ask0.cli.documents import read_catalog, with_documents
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.output import echo_json, echo_table, show_time
from ask0.schemas.catalog import Project

project_option = click.option("--project", "name", help="Id or name of the project.  [default: the only one]")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.group("verification")
def command() -> None:
    """Check who users are: a site's server signs a JWT (`sub` is the user's id, `exp` the end), identify carries it.

    To change a key, add the second, let the server sign with it, then remove the first. Gateways follow within seconds.

    \b
    Example:
      ask0 verification add
      ask0 verification require
    """


@command.command("add")
@project_option
@click.option("--algorithm", type=click.Choice(["HS256", "RS256"]), help="[default: RS256 with a public key, or HS256]")
@click.option("--public-key", type=click.File(), metavar="FILE", help="RSA public key as PEM, for RS256.")
@click.option(
    "--secret", type=click.File(), metavar="FILE", help="Your own HS256 secret, - for standard input.  [default: made]"
)
@json_option
def add(
    name: str | None, algorithm: str | None, public_key: IO[str] | None, secret: IO[str] | None, as_json: bool
) -> None:
    """Add a key, the second at most. The secret of HS256 is shown this once; Ask0 keeps it sealed, and RS256 has none.

    \b
    Example:
      ask0 verification add
      ask0 verification add --public-key public.pem
    """
    if public_key and (secret or algorithm == "HS256"):
        raise click.UsageError("--public-key is for RS256, --secret for HS256: give one of them.")
    if algorithm == "RS256" and not public_key:
        raise click.UsageError("RS256 takes --public-key FILE; the private key stays on your servers.")
    given = public_key or secret
    try:
        text = given.read().strip() if given else ""
    except UnicodeDecodeError as error:
        raise Failure("this key cannot be used: it is no text") from error
    settings = read_settings()
    key, known = make_verification_key(KeyMaterial(text, is_public=bool(public_key)), seal_of(settings))

    async def add_it(replica: Replica) -> Project:
        return await add_verification_key(replica, find_project(catalog_of(replica.state), name), key)

    project = with_documents(settings, add_it)
    shown = known if key.algorithm == "HS256" and not given else None
    if as_json:
        echo_json({"id": key.id, "algorithm": key.algorithm, "project": project.id, "secret": shown})
        return
    click.echo(f"Key     {key.id}  {key.algorithm} of {project.name}")
    if shown:
        click.echo(f"Secret  {shown}  (keep it on your servers; it is not shown again)")


@command.command("list")
@click.option("--project", "name", help="Id or name of a project.  [default: all]")
@json_option
def list_keys(name: str | None, as_json: bool) -> None:
    """List every project's keys, whether it requires tokens, and what pages may read. No secret is shown.

    \b
    Example:
      ask0 verification list
    """
    catalog = read_catalog(read_settings())
    projects = [find_project(catalog, name)] if name else list(catalog.projects.values())
    projects.sort(key=lambda project: project.created_at)
    if as_json:
        echo_json([_described(project) for project in projects])
        return
    rows = [
        (
            project.id,
            "yes" if project.verification.required else "no",
            key.id if key else "",
            key.algorithm if key else "",
            show_time(key.created_at if key else None),
            ",".join(project.verification.readable),
        )
        for project in projects
        for key in project.verification.keys or (None,)
    ]
    echo_table(("project", "required", "key", "algorithm", "created", "readable"), rows, "There are no projects.")


@command.command("remove")
@click.argument("key")
@json_option
def remove(key: str, as_json: bool) -> None:
    """Remove KEY, an id that `ask0 verification list` shows: tokens signed with it prove nothing any more.

    \b
    Example:
      ask0 verification remove vk_ab12cd34
    """
    project = with_documents(read_settings(), lambda replica: remove_verification_key(replica, key))
    if as_json:
        echo_json({"id": key, "project": project.id, "left": [one.id for one in project.verification.keys]})
        return
    click.echo(f"{key} is removed.")


@command.command("require")
@project_option
@click.option("--off", is_flag=True, help="Take identify without a token again.")
@json_option
def require(name: str | None, off: bool, as_json: bool) -> None:
    """Refuse identify and alias of a userId without a token. A sender with the secret key needs none.

    \b
    Example:
      ask0 verification require
      ask0 verification require --off
    """

    async def require_it(replica: Replica) -> Project:
        return await require_verification(replica, find_project(catalog_of(replica.state), name), not off)

    project = with_documents(read_settings(), require_it)
    if as_json:
        echo_json(_described(project))
        return
    click.echo(f"{project.name} {'takes identify without a token' if off else 'requires a token with identify'}.")


@command.command("readable")
@click.argument("traits")
@project_option
@json_option
def readable(traits: str, name: str | None, as_json: bool) -> None:
    """Let pages read TRAITS, and no others, of a verified user or of the guest themselves; "" for none.

    \b
    Example:
      ask0 verification readable name,firstName,plan
    """
    names = tuple(dict.fromkeys(trait.strip() for trait in traits.split(",") if trait.strip()))

    async def make_it(replica: Replica) -> Project:
        return await make_readable(replica, find_project(catalog_of(replica.state), name), names)

    project = with_documents(read_settings(), make_it)
    if as_json:
        echo_json(_described(project))
        return
    click.echo(f"Pages of {project.name} may read {', '.join(names) if names else 'no traits'}.")


def _described(project: Project) -> dict[str, object]:
    verification = project.verification
    return {
        "project": project.id,
        "required": verification.required,
        "readable": verification.readable,
        "keys": [
            {"id": key.id, "algorithm": key.algorithm, "created": show_time(key.created_at)}
            for key in verification.keys
        ],
    }
