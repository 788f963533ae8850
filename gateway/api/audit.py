"""The audit log of a project: who did what, the newest first."""

from starlette.responses import Response

from ask0.gateway.api.reading import Paging, Reading
from ask0.gateway.operations import Asked
from ask0.schemas.events import parse_time
from ask0.schemas.listing import ListingInvalid
from ask0.schemas.reasons import InvalidEvent
from ask0.warehouse.audit import Wanted, read_entries


class AuditLog:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list(self, asked: Asked) -> Response:
        query = asked.query
        wanted = Wanted(
            actor=query.actor,
            action=query.action,
            entity=query.entity,
            entity_id=query.entity_id,
            since=_time(query.since, "since"),
            until=_time(query.until, "until"),
        )
        paging = Paging(asked, "audit of all", wanted)
        page = await self._reading.of_project(read_entries, asked, wanted, paging.after(), query.limit)
        return paging.answer("audit", page)


def _time(text: str, name: str) -> int | None:
    """Raises ListingInvalid."""
    try:
        return parse_time(text)
    except InvalidEvent:
        raise ListingInvalid(name, "this is no time such as 2026-01-31T12:00:00Z, from 1970 to 2099") from None
