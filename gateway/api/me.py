"""Who calls, and what they may do."""

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.paths import project_of
from ask0.gateway.operations import Asked
from ask0.gateway.rates import BURST_SECONDS, BYTES_PER_CALL
from ask0.schemas.events import MAX_BODY_BYTES
from ask0.schemas.listing import MAX_LIMIT
from ask0.schemas.scopes import SCOPES
from ask0.schemas.user_writes import MAX_BATCH, MAX_BATCH_BYTES


class Me:
    def __init__(self, calls_per_second: float) -> None:
        """0 is no limit."""
        self._calls = calls_per_second

    async def answer(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        scopes = [scope for scope in SCOPES if scope in asked.caller.scopes]
        limits = {
            "callsPerSecond": self._calls or None,
            "burst": self._calls * BURST_SECONDS or None,
            "bytesPerCall": BYTES_PER_CALL,
            "bodyBytes": MAX_BODY_BYTES,
            "batchBytes": MAX_BATCH_BYTES,
            "batchUsers": MAX_BATCH,
            "listLimit": MAX_LIMIT,
        }
        caller = "member" if asked.caller.session else "server"
        return JSONResponse({"caller": caller, "project": project_id, "scopes": scopes, "limits": limits})
