"""`ask0 member`: people who sign in to the console."""

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

import click

from ask0.catalog.documents import catalog_of
from ask0.catalog.errors import CatalogError
from ask0.catalog.members import By, Members, new_token, write_wanted
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.links import console_link
from ask0.cli.output import echo_json, echo_table, plain, show_time
from ask0.schemas.members import LinkKind, Member, email_of
from ask0.schemas.roles import BUILT_IN, EVERYWHERE, OWNER

EMAIL = re.compile(r"[^\s@<>\"]{1,100}@[^\s@<>\"]{1,150}")
BY = By("cli")

T = TypeVar("T")


@click.group("member")
def command() -> None:
    """Invite people to the console, and say what they may do.

    \b
    Example:
      ask0 member invite ann@example.com --role admin
    """


@command.command("list")
@click.option("--project", help="Id or name of a project.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print the members as JSON.")
def list_members(project: str | None, as_json: bool) -> None:
    """List who may sign in, and as what.

    \b
    Example:
      ask0 member list
    """

    async def read(replica: Replica, members: Members) -> list[tuple[str, ...]]:
        only = find_project(catalog_of(replica.state), project).id if project else None
        found = members.of_project(only) if only else [stored.document for stored in members.people.of("").values()]
        return [_row(members, member) for member in sorted(found, key=lambda member: member.created_at)]

    rows = _with_members(read)
    columns = ("id", "email", "name", "roles", "created", "password", "codes", "account")
    if as_json:
        echo_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    echo_table(columns, rows, "Nobody may sign in yet; `ask0 member invite` lets somebody.")


@command.command("invite")
@click.argument("email")
@click.option("--role", default=OWNER, show_default=True, help="owner, admin, editor, support, analyst or viewer.")
@click.option("--project", help="Id or name of the only project it is for.  [default: every project]")
@click.option("--json", "as_json", is_flag=True, help="Print the member and the link as JSON.")
def invite(email: str, role: str, project: str | None, as_json: bool) -> None:
    """Let EMAIL in, and print the link with which they choose a password. It works once, within a week.

    \b
    Example:
      ask0 member invite ann@example.com
      ask0 member invite bob@example.com --role support --project "Help centre"
    """
    if not EMAIL.fullmatch(email_of(email)):
        raise click.UsageError(f"{email!r} is no email")

    async def make(replica: Replica, members: Members) -> tuple[Member, str | None]:
        where = _where(replica, members, project, role)
        there = members.of_email(email_of(email))
        await write_wanted(replica, members.to_give(there, email_of(email), where, role, "member.invited"), BY)
        member = _member(members, email)
        return member, None if member.can_sign_in else await _let_in(replica, members, member, "invitation")

    member, link = _with_members(make)
    if as_json:
        echo_json({"id": member.id, "email": member.email, "role": role, "link": link})
    elif link:
        click.echo(link)
        click.echo(f"Send it to {member.email}: it works once, within a week.", err=True)
    else:
        click.echo(f"{member.email} can sign in already, and is {role} now.")


@command.command("role")
@click.argument("email")
@click.argument("role")
@click.option("--project", help="Id or name of the only project it is for.  [default: every project]")
def change_role(email: str, role: str, project: str | None) -> None:
    """Give EMAIL another ROLE. It counts at once, also where they are signed in.

    \b
    Example:
      ask0 member role bob@example.com editor --project "Help centre"
    """

    async def change(replica: Replica, members: Members) -> None:
        where = _where(replica, members, project, role)
        member = _member(members, email)
        await write_wanted(replica, members.to_give(member, "", where, role, "member.role_changed"), BY)

    _with_members(change)
    click.echo(f"{email_of(email)} is {role} now.")


@command.command("remove")
@click.argument("email")
@click.option("--project", help="Id or name of the only project that they leave.  [default: all of them]")
def remove(email: str, project: str | None) -> None:
    """Take EMAIL's roles away. Where they are signed in, they are out within seconds.

    \b
    Example:
      ask0 member remove bob@example.com
    """

    async def take(replica: Replica, members: Members) -> None:
        only = find_project(catalog_of(replica.state), project).id if project else None
        for where in [only] if only else [*_member(members, email).roles]:
            member = _member(members, email)
            if where not in member.roles:
                raise CatalogError(f"{member.email} has no role of its own in this project: see `ask0 member list`")
            for wanted in [*members.to_take(member, where)]:
                await write_wanted(replica, wanted, BY)

    _with_members(take)
    click.echo(f"{email_of(email)} is out.")


@command.command("reset")
@click.argument("email")
def reset(email: str) -> None:
    """Print a link with which EMAIL sets a new password. It turns their one-time codes off, and
    frees them for another account of the provider.

    \b
    Example:
      ask0 member reset ann@example.com
    """

    async def make(replica: Replica, members: Members) -> str:
        member = _member(members, email)
        return await _let_in(replica, members, member, "reset" if member.can_sign_in else "invitation")

    click.echo(_with_members(make))
    click.echo(f"Send it to {email_of(email)}: it works once, within a week.", err=True)


def _with_members(work: Callable[[Replica, Members], Awaitable[T]]) -> T:
    async def run(replica: Replica) -> T:
        return await work(replica, Members(replica))

    return with_documents(read_settings(), run)


def _member(members: Members, email: str) -> Member:
    member = members.of_email(email_of(email))
    if member is None:
        raise CatalogError(f"nobody has the email {email_of(email)}: `ask0 member list` shows who may sign in")
    return member


def _where(replica: Replica, members: Members, project: str | None, role: str) -> str:
    """Checks the role, too: one of a project's own exists there alone."""
    where = find_project(catalog_of(replica.state), project).id if project else EVERYWHERE
    if members.role(where, role) is None:
        of_project = "" if project else ", and a role of a project's own needs --project"
        raise CatalogError(f"there is no role {role!r}: {', '.join(BUILT_IN)} are built in{of_project}")
    return where


async def _let_in(replica: Replica, members: Members, member: Member, kind: LinkKind) -> str:
    token = new_token()
    for wanted in [*members.to_let_in(kind, member.id, token)]:
        await write_wanted(replica, wanted, BY)
    return console_link(read_settings(), token)


def _row(members: Members, member: Member) -> tuple[str, ...]:
    roles = ", ".join(
        role if project == EVERYWHERE else f"{role} of {project}" for project, role in sorted(member.roles.items())
    )
    return (
        member.id,
        member.email,
        plain(member.name),
        roles,
        show_time(member.created_at),
        "set" if member.password else "",
        "on" if member.totp else "",
        urlsplit(member.issuer).hostname or "",
    )
