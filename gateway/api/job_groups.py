"""The operations that take longer than their answer, or that arrive line by line, as a group."""

from starlette.middleware import Middleware

from ask0.gateway.api.erasures import Erasures
from ask0.gateway.api.groups import USER
from ask0.gateway.api.imports import CONTENT, Imports
from ask0.gateway.api.jobs import Jobs
from ask0.gateway.api.paths import BASE
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import EVERY_KEY, Operation
from ask0.schemas.erasure import EraseQuery, Lifted, TransferOrder
from ask0.schemas.jobs import BulkAsked, ImportReport, JobAnswer, JobList

JOBS = f"{BASE}/jobs"
KEYED = ("Idempotency-Key",)


def job_group(entrance: Entrance, jobs: Jobs, imports: Imports, erasures: Erasures) -> Group:
    server = Access.SERVER
    operations = [
        Operation(
            "POST",
            f"{BASE}/users/bulk",
            jobs.bulk,
            "Change many users, as a job",
            server,
            "users:write",
            body=BulkAsked,
            headers=KEYED,
            answers={202: JobAnswer},
            refusals=(409, 422),
        ),
        Operation(
            "POST",
            f"{BASE}/import",
            imports.take,
            "Make or change the users of a file",
            server,
            "users:write",
            content=CONTENT,
            headers=KEYED,
            answers=ImportReport,
        ),
        Operation("GET", JOBS, jobs.list, "The newest jobs", server, EVERY_KEY, answers=JobList),
        Operation("GET", f"{JOBS}/{{id}}", jobs.get, "How far a job is", server, EVERY_KEY, answers=JobAnswer),
        Operation(
            "POST",
            f"{JOBS}/{{id}}/cancel",
            jobs.cancel,
            "End a job before all of it is done",
            server,
            "users:write",
            headers=KEYED,
            answers={200: JobAnswer, 202: JobAnswer},
            refusals=(409, 422),
        ),
    ]
    operations += _erasing_operations(erasures)
    return Group(entrance, operations, Middleware(ApiRoute), for_pages=False)


def _erasing_operations(erasures: Erasures) -> list[Operation]:
    return [
        Operation(
            "DELETE",
            USER,
            erasures.erase,
            "Erase a user, or anonymize them, as a job",
            Access.SERVER,
            "users:erase",
            query=EraseQuery,
            headers=KEYED,
            answers={202: JobAnswer},
            refusals=(422,),
        ),
        Operation(
            "DELETE",
            f"{USER}/conversations",
            erasures.delete_conversations,
            "Delete the conversations of a user, as a job",
            Access.SERVER,
            "users:erase",
            headers=KEYED,
            answers={202: JobAnswer},
            refusals=(422,),
        ),
        Operation(
            "POST",
            f"{USER}/transfer",
            erasures.transfer,
            "Move a user to another project, as a job",
            Access.SERVER,
            "users:erase",
            body=TransferOrder,
            headers=KEYED,
            answers={202: JobAnswer},
            refusals=(409, 422),
        ),
        Operation(
            "POST",
            f"{BASE}/suppressions/{{id}}/lift",
            erasures.lift,
            "Let somebody in again who was erased",
            Access.SERVER,
            "users:erase",
            answers=Lifted,
            refusals=(422,),
        ),
    ]
