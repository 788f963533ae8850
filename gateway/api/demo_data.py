"""A new project filled with people who have talked, so that its team sees what all of it is for."""

import time
from secrets import token_hex

from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.gateway.api.changes import Changes
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import Conflict
from ask0.gateway.groups import Group
from ask0.gateway.ingest.endpoint import Ingest
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.site.demo_script import play, sample
from ask0.schemas.audit import Told
from ask0.schemas.insights import DemoFilled
from ask0.warehouse.event_catalog import has_events

USERS = 60
ROUNDS = 24  # in which each of the scripted conversations is had
SEED = 1  # the same each time: what was sent already stays as it is
AT_ONCE = 100  # events


class DemoData:
    def __init__(self, ingest: Ingest, changes: Changes) -> None:
        self._ingest, self._changes = ingest, changes

    async def fill(self, asked: Asked) -> Response:
        """Refused where there is anything: demo people would be counted among those who are real."""
        project_id = project_of(asked)
        if await self._changes.questions.ask(has_events, self._changes.warehouse, project_id):
            raise Conflict(
                "the project has events, and demo data would be counted among them: make a project for the demo",
                code="not_empty",
            )
        request = self._changes.request(asked, "", b"")
        events = [event for talk in play(sample(ROUNDS), USERS, SEED, time.time_ns() // 1_000_000) for event in talk]
        refused = 0
        for start in range(0, len(events), AT_ONCE):
            refused += len(await self._ingest.take_again(project_id, events[start : start + AT_ONCE]))
        request = request._replace(id=f"chg_{token_hex(16)}", is_keyed=False)
        await self._changes.tell(request, "demo.filled", Told("project", project_id))
        return JSONResponse({"accepted": len(events) - refused, "refused": refused}, status_code=202)


def demo_data_group(entrance: Entrance, data: DemoData) -> Group:
    return Group(
        entrance,
        [
            Operation(
                "POST",
                f"{BASE}/demo-data",
                data.fill,
                "Fill a project that is empty with demo data",
                Access.SERVER,
                "users:write",
                answers={202: DemoFilled},
                refusals=(409,),
            )
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )
