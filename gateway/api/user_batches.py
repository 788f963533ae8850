"""Batches of users that are larger than other bodies: each user is read when it is their turn, so that a batch takes
little memory and holds nobody up."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import orjson

from ask0.gateway.entrance import MAX_DETAILS, checked
from ask0.gateway.errors import BadRequest
from ask0.schemas.user_writes import MAX_BATCH, UserBatch

MAX_USER_BYTES = 250_000  # of the JSON of one: what they may hold, however it is escaped

_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists = msgspec.json.Decoder(list[msgspec.Raw])


class Batch(NamedTuple):
    """As a UserBatch, with users that are still JSON."""

    users: Sequence[msgspec.Raw]


def read_batch(body: bytes) -> Batch:
    """Raises BadRequest. It is strict JSON, or nobody else could go on meanwhile."""
    try:
        document = _objects.decode(body)
    except msgspec.ValidationError:
        raise BadRequest("the body is a JSON object", code="not_an_object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}", code="not_json") from None
    users = _list(document.get("users"))
    shape: dict[str, Any] = dict.fromkeys(islice(document, MAX_DETAILS))  # what is unknown in it is told
    if "users" in document:
        shape["users"] = users and [{} if _is_object(user) else None for user in users[: MAX_BATCH + 1]]
    checked(UserBatch, shape, "body")
    return Batch(users or [])


def read_user(user: msgspec.Raw | dict[str, Any]) -> dict[str, Any]:
    """Raises BadRequest."""
    if isinstance(user, dict):
        return user
    size = memoryview(user).nbytes
    if size > MAX_USER_BYTES:
        raise BadRequest(f"a user has at most {MAX_USER_BYTES:,} bytes, this one has {size:,}", code="invalid_body")
    try:
        read: dict[str, Any] = orjson.loads(memoryview(user))
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"this user is not JSON: {error}", code="invalid_body") from None
    return read


def _list(users: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    """None for what is none."""
    try:
        return None if users is None else _lists.decode(users)
    except msgspec.MsgspecError:
        return None


def _is_object(user: msgspec.Raw) -> bool:
    return bytes(memoryview(user)[:1]) == b"{"
