"""`ask0 audit`: who did what, and whether the log of it is as it was written."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from ask0.catalog.audit_heads import (
    Head,
    Signed,
    latest,
    lost_heads,
    read_heads,
    read_starts,
    wrong_signatures,
)
from ask0.catalog.documents import catalog_of
from ask0.catalog.errors import CatalogError
from ask0.catalog.projects import find_project
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal, seal_of
from ask0.cli.connection import open_tables
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED
from ask0.cli.output import echo_json, echo_table, plain, show_time
from ask0.schemas.settings import Settings
from ask0.warehouse.audit import Wanted, read_entries
from ask0.warehouse.audit_check import Chain, Mark, Walked, list_chains, walk
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.moments import NEWEST

COLUMNS = ("at", "action", "outcome", "actor", "entity", "entityId", "ip", "requestId")

project_option = click.option("--project", help="Id or name of the project.  [default: the only one]")


class Known(NamedTuple):
    """What the control stream knows."""

    project_id: str | None
    signed: Signed | None


@click.group("audit")
def command() -> None:
    """See who did what, and check that nobody has changed the log of it.

    \b
    Example:
      ask0 audit verify
    """


@command.command("list")
@project_option
@click.option("--user", default="", help="Only about the user, or the other thing, with this id.")
@click.option("--action", default="", help="Only this action, such as user.exported.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON, with what was said.")
def list_entries(project: str | None, user: str, action: str, limit: int, as_json: bool) -> None:
    """List the audit log of a project, the newest first.

    \b
    Example:
      ask0 audit list --action key.revoked
    """
    settings = read_settings()
    owner = _read(settings, project, every=False).project_id or ""
    with open_tables(settings) as warehouse:
        found = read_entries(warehouse, owner, Wanted(action=action, entity_id=user), NEWEST, limit).rows
    if as_json:
        echo_json(found)
        return
    rows = [tuple(plain(entry[name]) for name in COLUMNS) for entry in found]
    echo_table(COLUMNS, rows, "The audit log has nothing of the kind.")


@command.command("verify")
@click.option("--project", help="Id or name of the project.  [default: all, and what is of none]")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(project: str | None, as_json: bool) -> None:
    """Walk the chains of the audit log. Exits 1 if a row was changed, added, moved or taken out, and says which.

    Rows of people who were erased have lost what they said, and their chain holds. Rows of before there were chains
    are counted: nobody can tell of them.

    \b
    Example:
      ask0 audit verify --project Shop
    """
    settings = read_settings()
    known = _read(settings, project, every=project is None)
    with open_tables(settings) as warehouse:
        heads = read_heads(warehouse, known.signed.at) if known.signed else []
        starts = read_starts(warehouse)
        walked = _walk(warehouse, known.project_id, heads, starts)
        wrong, note = _check_signatures(warehouse, seal_of(settings), heads, starts, known.signed)
    found = _described(walked, wrong, note, known.signed)
    if as_json:
        echo_json(found)
    else:
        _print(found)
    if found["problems"]:
        raise click.exceptions.Exit(FAILED)


def _walk(warehouse: Warehouse, project_id: str | None, heads: Sequence[Head], starts: Sequence[Head]) -> Walked:
    """Of the chains that there are, and of those that were signed and are there no more."""
    of_heads, of_starts = _marks(heads), _marks(starts)
    signed = {chain for chain in of_heads if project_id in (None, chain.project_id)}
    walked = Walked()
    for chain in sorted({*list_chains(warehouse, project_id), *signed}):
        walk(warehouse, chain, walked, of_heads.get(chain), of_starts.get(chain))
    return walked


def _marks(heads: Sequence[Head]) -> dict[Chain, Mark]:
    """The furthest of each chain."""
    return {head.chain: head.mark for head in sorted(heads)}


def _check_signatures(
    warehouse: Warehouse, seal: Seal, heads: Sequence[Head], starts: Sequence[Head], signed: Signed | None
) -> tuple[list[str], str]:
    """What is wrong with them, and what there is to say beside."""
    wrong = [lost] if signed and (lost := lost_heads(warehouse, heads, starts, signed)) else []
    if not signed and not starts:
        return wrong, "nothing was signed yet: that is done once a day, by the workers"
    try:
        return wrong + wrong_signatures(seal, heads, starts, signed), ""
    except CatalogError:
        return wrong, "signatures were not checked: ASK0_SEALING_KEY of the workers is not set here"


def _described(walked: Walked, wrong: Sequence[str], note: str, signed: Signed | None) -> dict[str, Any]:
    problems = [
        {"kind": one.kind, "chain": str(one.chain), "projectId": one.chain.project_id, "number": one.seq}
        | {"message": one.message}
        for one in walked.problems
    ]
    problems += [{"kind": "signature", "chain": "", "projectId": "", "number": 0, "message": one} for one in wrong]
    return {
        "chains": walked.chains,
        "rows": walked.rows,
        "erased": walked.erased,
        "unchained": walked.unchained,
        "shortened": walked.cut,
        "signedAt": show_time(signed.at) if signed else None,
        "note": note,
        "problems": problems,
    }


def _print(found: Mapping[str, Any]) -> None:
    for one in found["problems"]:
        where = f" {one['number']} of {one['chain']}" if one["chain"] else ""
        click.echo(plain(f"{one['kind']}{where}: {one['message']}"))
    counted = f"{found['rows']:,} rows in {found['chains']:,} chains"
    more = {"erased": "of people who were erased", "unchained": "of before there were chains"}
    told = [f"{found[name]:,} {words}" for name, words in more.items() if found[name]]
    told += [f"{found['shortened']:,} chains shortened by retention"] if found["shortened"] else []
    told += [f"signed up to {found['signedAt']}"] if found["signedAt"] else []
    result = f"{len(found['problems']):,} problems" if found["problems"] else "all as they were written"
    click.echo("; ".join([f"{counted}: {result}", *told]) + ".")
    if found["note"]:
        click.echo(f"{found['note']}.")


def _read(settings: Settings, project: str | None, *, every: bool) -> Known:
    async def read(replica: Replica) -> Known:
        owner = None if every else find_project(catalog_of(replica.state), project).id
        return Known(owner, latest(replica.state))

    return with_documents(settings, read)
