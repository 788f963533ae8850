"""What can be read from what a user did: their way, their habits, and what became of what is known of them."""

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.reading import Paging, Reading, zone_of
from ask0.gateway.operations import Asked
from ask0.schemas.filters.names import locate
from ask0.schemas.listing import ListingInvalid
from ask0.schemas.traits import STANDARD
from ask0.warehouse.journeys import read_journey
from ask0.warehouse.patterns import read_patterns
from ask0.warehouse.user_events import last_days
from ask0.warehouse.user_history import read_audit, read_history


class UserInsights:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def journey(self, asked: Asked) -> Response:
        found = await self._reading.of_user(read_journey, asked)
        return JSONResponse({"steps": found.steps, "complete": found.is_complete})

    async def patterns(self, asked: Asked) -> Response:
        zone = zone_of(asked.query.tz)
        days = last_days(datetime.now(UTC), asked.query.days, zone)
        return JSONResponse(await self._reading.of_user(read_patterns, asked, days, zone))

    async def history(self, asked: Asked) -> Response:
        trait, keys = asked.query.trait, _keys_of(asked.query.trait)
        paging = Paging(asked, "history", asked.request.path_params["id"], keys)
        page = await self._reading.of_user(read_history, asked, keys, paging.after(), asked.query.limit)
        return paging.answer("values", page, {"trait": trait})

    async def audit(self, asked: Asked) -> Response:
        paging = Paging(asked, "audit", asked.request.path_params["id"])
        page = await self._reading.of_user(read_audit, asked, paging.after(), asked.query.limit)
        return paging.answer("audit", page)


def _keys_of(trait: str) -> tuple[str, ...]:
    """Raises ListingInvalid."""
    try:
        found = locate(trait)
    except ValueError as error:
        raise ListingInvalid("trait", str(error)) from None
    if isinstance(found, str):
        if found not in STANDARD.values():
            raise ListingInvalid("trait", "this is made of what a user did, and is no trait")
        return (found,)
    return found
