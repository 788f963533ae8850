"""Segments of the API, written once for both clients, as users.py is."""

from collections.abc import Mapping
from typing import Any, Generic

from ask0_sdk.requests import get, path_part, write
from ask0_sdk.users import R, Send

Data = Mapping[str, Any]


class Segments(Generic[R]):
    """A change needs `if_match`, the `version` it was made from: 412 if somebody else was first."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/segments"

    def list(self, *, limit: int | None = None, cursor: str | None = None, total: bool | None = None) -> R:
        """`{"segments": […], "next": cursor or null}`."""
        return self._send(get(self._root, {"limit": limit, "cursor": cursor, "total": total}))

    def get(self, id: str) -> R:
        return self._send(get(self._path(id)))

    def create(self, definition: Data, *, idempotency_key: str | None = None) -> R:
        """`{"name": …, "conditions": {…}}` or `{"name": …, "filter": {…}}`."""
        return self._send(write("POST", self._root, definition, key=idempotency_key))

    def update(self, id: str, changes: Data, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        return self._send(write("PATCH", self._path(id), changes, key=idempotency_key, if_match=if_match))

    def delete(self, id: str, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        return self._send(write("DELETE", self._path(id), key=idempotency_key, if_match=if_match))

    def users(
        self,
        id: str,
        *,
        sort: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
    ) -> R:
        """Its members: `{"users": […], "next": cursor or null}`. `users.iterate(segment=id)` gives them all."""
        query = {"sort": sort, "limit": limit, "cursor": cursor, "total": total}
        return self._send(get(f"{self._path(id)}/users", query))

    def count(self, id: str) -> R:
        return self._send(get(f"{self._path(id)}/count"))

    def history(self, id: str, *, days: int | None = None) -> R:
        """How many were in it at the end of each day: `{"history": [{"date", "size"}]}`, the last of them today."""
        return self._send(get(f"{self._path(id)}/history", {"days": days}))

    def _path(self, id: str) -> str:
        if id == "query":
            raise ValueError("no segment has the id 'query'")
        return f"{self._root}/{path_part(id)}"
