"""What a user did: events, and how many a day."""

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.reading import Paging, Reading, zone_of
from ask0.gateway.operations import Asked
from ask0.warehouse.user_events import count_days, last_days, read_events


class UserEvents:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def list(self, asked: Asked) -> Response:
        query = asked.query
        paging = Paging(asked, "events", asked.request.path_params["id"], query.event)
        page = await self._reading.of_user(read_events, asked, query.event, paging.after(), query.limit)
        return paging.answer("events", page)

    async def counts(self, asked: Asked) -> Response:
        query = asked.query
        days = last_days(datetime.now(UTC), query.days, zone_of(query.tz))
        counts = await self._reading.of_user(count_days, asked, query.event, days)
        return JSONResponse({"tz": query.tz, "counts": counts, "total": sum(count["count"] for count in counts)})
