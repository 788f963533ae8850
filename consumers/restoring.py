"""After a backup of the tables was restored: who was erased since is erased again.

The control stream knows who is, as it is no part of such a backup. So what the tables do not know yet when a worker
starts, and no unfinished erasure is about, was lost by a restoring. Rows of these people may have come back with it.
"""

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Collection

import msgspec

from ask0.catalog.documents import write_document
from ask0.catalog.jobs import Jobs
from ask0.catalog.replica import Replica
from ask0.catalog.suppressions import Suppressions
from ask0.schemas.changes import name_of
from ask0.schemas.erasure import ERASING, ErasureWork, Pack
from ask0.schemas.jobs import JOB, MAX_UNFINISHED, Job
from ask0.warehouse import job_users, suppressions
from ask0.warehouse.connect import Warehouse

logger = logging.getLogger(__name__)


async def restore(replica: Replica, warehouse: Warehouse) -> list[Job]:
    """To be done before a round. Returns the jobs that it has made, which a gateway carries out. Raises CatalogError,
    Unavailable, QueryFailed."""
    packs, jobs = Suppressions(replica), Jobs(replica)
    copied = await asyncio.to_thread(suppressions.read_copied, warehouse)
    lost: defaultdict[str, list[Pack]] = defaultdict(list)
    for project_id in packs.projects:
        for version, pack in packs.of(project_id).values():
            if copied.get((project_id, pack.place), 0) < version:
                await asyncio.to_thread(suppressions.copy, warehouse, pack, version)
                lost[project_id].append(pack)
    made = []
    for project_id, some in lost.items():
        if not _is_erasing(jobs, project_id) and (
            job := await _erase_again(replica, jobs, warehouse, project_id, some)
        ):
            logger.warning("erased people of %s were in the tables again: %s erases them", project_id, job.id)
            made.append(job)
    return made


def _is_erasing(jobs: Jobs, project_id: str) -> bool:
    own = (stored.document for stored in jobs.of(project_id).values())
    return any(job.kind in ERASING and not job.is_finished for job in own)


async def _erase_again(
    replica: Replica, jobs: Jobs, warehouse: Warehouse, project_id: str, packs: Collection[Pack]
) -> Job | None:
    """With their conversations: nobody can tell any more whether these were kept."""
    id = f"job_{secrets.token_hex(12)}"
    for pack in packs:
        await asyncio.to_thread(suppressions.list_present, warehouse, pack, id)
    if not await asyncio.to_thread(job_users.count, warehouse, id):
        return None
    if jobs.unfinished(project_id) >= MAX_UNFINISHED:
        logger.error("%s has too many jobs: restart a worker once they are done, to erase people again", project_id)
        return None
    place, version = jobs.free_place(project_id)
    job = Job(
        id=id,
        project_id=project_id,
        place=place,
        kind="erase",
        actor="ask0",
        request="",
        digest="",
        asked_at=time.time_ns() // 1_000_000,
        work=msgspec.Raw(msgspec.json.encode(ErasureWork(id, with_conversations=True))),
    )
    await write_document(
        replica,
        JOB,
        job.subject,
        job,
        project_id=project_id,
        action="job.made",
        actor=job.actor,
        request="",
        id=f"{id}:made",
        expects={name_of(JOB, job.subject): version},
    )
    return job
