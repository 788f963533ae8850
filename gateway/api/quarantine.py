"""What could not be accepted or applied: listed, and sent again, mended if need be."""

from secrets import token_hex
from typing import Any

import orjson
from starlette.responses import JSONResponse, Response

from ask0.gateway.api.changes import Changes
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.reading import Paging, Reading
from ask0.gateway.callers import Access
from ask0.gateway.errors import NotFound, Unprocessable, unprocessable
from ask0.gateway.ingest.endpoint import Ingest
from ask0.gateway.operations import Asked, Operation
from ask0.schemas.audit import Told
from ask0.schemas.live import QuarantineList, QuarantineQuery, Replay, Replayed
from ask0.warehouse.quarantine import Quarantined, mark_replayed, read_page, ready_again, show

QUARANTINE = f"{BASE}/quarantine"


class Quarantine:
    def __init__(self, reading: Reading, changes: Changes, ingest: Ingest) -> None:
        self._reading = reading
        self._changes = changes
        self._ingest = ingest

    async def list(self, asked: Asked) -> Response:
        query = asked.query
        paging = Paging(asked, "quarantine", query.reason, query.waiting)
        page = await self._reading.of_project(
            read_page, asked, query.reason or "", query.waiting, paging.after(), query.limit
        )
        return paging.answer("quarantine", page)

    async def replay(self, asked: Asked) -> Response:
        """As `ask0 quarantine replay` does it with a write key: what an event claims of its user, it only claims."""
        project_id, id = project_of(asked), asked.request.path_params["id"]
        row = await self._changes.questions.ask(show, self._changes.warehouse, id)
        if row is None or row.project_id != project_id:
            raise NotFound("nothing in the project's quarantine has this id", code="unknown_row")
        event = asked.body.event if asked.body.event is not None else _as_sent(row)
        ready_again(row, event)
        request = self._changes.request(asked, id, orjson.dumps(event))
        for refusal in await self._ingest.take_again(row.project_id, [event]):
            raise Unprocessable(
                f"it was refused again: {refusal.message}",
                code="refused_again",
                reason=refusal.reason,
                details=[{"at": "event", "message": refusal.message}],
            )
        request = request._replace(id=f"chg_{token_hex(16)}", is_keyed=False)
        await self._changes.tell(request, "quarantine.replayed", Told("quarantine", id))
        await self._changes.questions.ask(mark_replayed, self._changes.warehouse, [id])
        return JSONResponse({"id": id, "accepted": True, "messageId": event.get("messageId")})


def _as_sent(row: Quarantined) -> dict[str, Any]:
    try:
        event = orjson.loads(row.raw)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        raise unprocessable("event", "this is no event: send a whole one in its place", code="not_an_event")
    return event


def quarantine_operations(quarantine: Quarantine) -> list[Operation]:
    return [
        Operation(
            "GET",
            QUARANTINE,
            quarantine.list,
            "What could not be accepted or applied",
            Access.SERVER,
            "events:read",
            query=QuarantineQuery,
            answers=QuarantineList,
        ),
        Operation(
            "POST",
            f"{QUARANTINE}/{{id}}/replay",
            quarantine.replay,
            "Send it again, mended if need be",
            Access.SERVER,
            "users:write",
            body=Replay,
            needs_body=False,
            answers=Replayed,
            refusals=(422,),
        ),
    ]
