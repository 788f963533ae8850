"""What the API does to documents: each write is a change on the control stream, and this process's own tail tells its
outcome."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from ask0.catalog.collection import Collection
from ask0.catalog.documents import write_document
from ask0.catalog.errors import CatalogError, CatalogUnavailable, KeyReused, MovedOn
from ask0.catalog.rule import Outcome
from ask0.gateway.api.changes import Request, key_reused
from ask0.gateway.errors import BadRequest, PreconditionRequired, ServiceUnavailable
from ask0.gateway.operations import Asked


async def write(
    documents: Collection[Any],
    request: Request,
    subject: str,
    body: msgspec.Struct | None,
    action: str,
    expects: Mapping[str, int],
) -> Outcome:
    """Raises MovedOn, which the caller can answer best; BadRequest, Unprocessable, ServiceUnavailable."""
    try:
        return await write_document(
            documents.replica,
            documents.kind,
            subject,
            body,
            project_id=request.project_id,
            action=action,
            actor=request.actor,
            request=request.trace,
            id=request.id,
            expects=expects,
            digest=request.digest,
            ip=request.ip,
        )
    except MovedOn:
        raise
    except KeyReused as error:
        raise key_reused() from error
    except CatalogUnavailable as error:
        raise ServiceUnavailable(str(error)) from error
    except (CatalogError, ValueError) as error:
        raise BadRequest(str(error), code="invalid_body") from error


def was_written(documents: Collection[Any], request: Request) -> bool:
    """Whether the same call was sent before and its change stands. Raises Unprocessable when it said something else."""
    outcome = documents.replica.state.outcomes.get(request.id)
    if outcome and not outcome.is_of(request.digest):
        raise key_reused()
    return outcome is not None and outcome.stands


def answer(shown: Mapping[str, Any], status: int = 200) -> Response:
    """A document as it is shown; its `version` is the ETag."""
    return JSONResponse(shown, status, headers={"etag": f'"{shown["version"]}"'})


def expected_version(asked: Asked) -> int | None:
    """Of If-Match; None for `*`, any. Raises PreconditionRequired, and BadRequest for what is no version."""
    given = asked.request.headers.get("if-match")
    if given is None:
        raise PreconditionRequired("send the version that you have seen as If-Match: it is the ETag and `version`")
    text = given.strip().removeprefix("W/").strip('"')
    if text == "*":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        return -1  # which nothing has
    return int(text)
