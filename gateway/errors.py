"""What a client is told when a request cannot be served: one base, one JSON body {"code","message"}."""

import json
import math
import random
from collections.abc import Sequence
from typing import Any

import orjson

MAX_RETRY_AFTER_SECONDS = 300  # the SDKs cap it there


class GatewayError(Exception):
    """Carries its own answer: `status`, `code` for programs, `message` for the sender, and further headers."""

    status = 500
    code = "internal_error"

    def __init__(
        self, message: str, *, code: str | None = None, headers: dict[str, str] | None = None, **details: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.headers = headers or {}
        self.details = details

    @property
    def body(self) -> bytes:
        said = {"code": self.code, "message": self.message, **self.details}
        try:
            return orjson.dumps(said)
        except TypeError:  # it quotes half of a surrogate pair
            return json.dumps(said).encode()


class BadRequest(GatewayError):
    status = 400
    code = "bad_request"


def invalid(details: Sequence[tuple[str, str]], *, code: str, message: str = "") -> BadRequest:
    """`details` are places in the request, and what to do there; without a message the first of them is it."""
    told = [{"at": at, "message": said} for at, said in details]
    return BadRequest(message or ": ".join(details[0]), code=code, details=told)


class Unauthorized(GatewayError):
    status = 401
    code = "unknown_write_key"


class Forbidden(GatewayError):
    status = 403
    code = "origin_not_allowed"


class NotFound(GatewayError):
    status = 404
    code = "not_found"


class Conflict(GatewayError):
    status = 409
    code = "exists"


class MovedOn(GatewayError):
    status = 412
    code = "moved_on"


class Unprocessable(GatewayError):
    status = 422
    code = "unprocessable"


def unprocessable(at: str, message: str, *, code: str) -> Unprocessable:
    """One thing is wrong, there."""
    return Unprocessable(message, code=code, details=[{"at": at, "message": message}])


class PreconditionRequired(GatewayError):
    status = 428
    code = "if_match_required"


class MethodNotAllowed(GatewayError):
    status = 405
    code = "method_not_allowed"


class RequestTimeout(GatewayError):
    status = 408
    code = "request_timeout"


class TooLarge(GatewayError):
    status = 413
    code = "too_large"


class QuotaExceeded(GatewayError):
    status = 429
    code = "quota_exceeded"

    def __init__(self, message: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(message, code=code, headers=retry_header(retry_after))


class ServiceUnavailable(GatewayError):
    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: float = 5) -> None:
        super().__init__(message, headers=retry_header(retry_after))


BY_STATUS: dict[int, type[GatewayError]] = {
    error.status: error for error in (BadRequest, NotFound, MethodNotAllowed, RequestTimeout, TooLarge)
}


def retry_header(seconds: float) -> dict[str, str]:
    """A whole number of seconds, spread by up to half so that the clients do not all come back at once."""
    spread = math.ceil(max(seconds, 1) * random.uniform(1, 1.5))
    return {"retry-after": str(min(spread, MAX_RETRY_AFTER_SECONDS))}
