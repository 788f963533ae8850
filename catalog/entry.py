"""Rows of the table `catalog`, where documents were before there was a control stream, enter it once."""

import asyncio
import contextlib
import logging

import msgspec
from msgspec.structs import replace

from ask0.catalog.errors import CatalogError, MovedOn
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.catalog.verification import seal_key
from ask0.schemas.catalog import Project
from ask0.schemas.changes import Change, name_of
from ask0.warehouse.connect import Warehouse

logger = logging.getLogger(__name__)

ROWS = "SELECT kind, id, max(version), argMax(body, version) FROM catalog GROUP BY kind, id ORDER BY 3"


async def enter_rows(replica: Replica, warehouse: Warehouse, seal: Seal) -> int:
    """How many. Ids follow from the rows, so several processes that start at once enter each row once; what the stream
    knows already stays as it is there. Raises Unavailable, CatalogUnavailable."""
    entered = 0
    for kind, id, version, body in await asyncio.to_thread(warehouse.query, ROWS):
        if replica.state.version_of(kind, id):
            continue
        change = Change(
            id=f"catalog:{kind}:{id}:{version}",
            kind=kind,
            subject=id,
            action=f"{kind}.entered",
            actor="ask0",
            at=version // 1_000_000,
            project_id=id if kind == "project" else msgspec.json.decode(body).get("project_id", ""),
            expects={name_of(kind, id): 0},
            body=msgspec.Raw(_sealed(kind, body, seal)),
        )
        with contextlib.suppress(MovedOn):  # somebody made it meanwhile
            await replica.write(change)
            entered += 1
    return entered


def _sealed(kind: str, body: str, seal: Seal) -> bytes:
    """The rows had the secrets of verification keys as they are. Where they cannot be sealed they work on, and
    `ask0 verification` says so."""
    if kind != "project":
        return body.encode()
    project = msgspec.json.decode(body, type=Project)
    try:
        keys = tuple(seal_key(key, seal) for key in project.verification.keys)
    except CatalogError as error:
        logger.warning("the verification keys of %s enter unsealed: %s", project.id, error)
        return body.encode()
    return msgspec.json.encode(replace(project, verification=replace(project.verification, keys=keys)))
