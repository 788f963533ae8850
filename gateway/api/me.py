"""Who calls, and what they may do."""

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.paths import project_of
from ask0.gateway.operations import Asked

# Of a secret key: all that a project's own server may do. People get scopes of their own.
SCOPES = ("users:read", "users:write", "events:read", "segments:write", "access:read", "settings:write")


async def me(asked: Asked) -> Response:
    project_id = project_of(asked)
    return JSONResponse({"caller": "server", "project": project_id, "scopes": SCOPES})
