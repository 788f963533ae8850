"""What both clients are: how they are made, and the calls that stand on neither users nor segments."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar
from urllib.parse import quote

from ask0_sdk.events import Events
from ask0_sdk.options import Options
from ask0_sdk.requests import Call, Id, Json, get, query_text, question, read_object, without_none, write
from ask0_sdk.requests import Request as Request_
from ask0_sdk.users import R
from ask0_sdk.voice import Refusal, Voice

Transport = TypeVar("Transport")
READS = frozenset(("GET", "HEAD"))


class Base(Events, Generic[R, Transport]):
    def __init__(
        self,
        secret_key: str,
        host: str,
        *,
        project: str = "-",
        flush_at: int = 100,
        flush_seconds: float = 1.0,
        max_queue_bytes: int = 20_000_000,
        max_retries: int = 5,
        timeout_seconds: float = 10.0,
        close_seconds: float = 5.0,
        on_refused: Callable[[Refusal], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
        transport: Transport | None = None,
    ) -> None:
        """The README has a table of what these mean. Raises ValueError for what cannot be meant."""
        self._options = Options(
            secret_key,
            host,
            project,
            flush_at,
            flush_seconds,
            max_queue_bytes,
            max_retries,
            timeout_seconds,
            close_seconds,
        )
        self._root = f"/v1/projects/{quote(project, safe='')}"
        self._voice = Voice(on_refused, on_error)
        self._set_up(transport)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options.host} project {self._options.project}>"

    def access(self, *, user: Id | None = None, anonymous: Id | None = None) -> R:
        """Whether somebody may chat: `{"allowed": …, "reason": …, "permission": "guest" | "login" | "user"}`."""
        if user is None and anonymous is None:
            raise ValueError("access is asked for a user, an anonymous id, or both")
        return self._call(get(f"{self._root}/access", {"user": user, "anonymous": anonymous}))

    def sql(self, statement: str, *, limit: int | None = None) -> R:
        """One SELECT of the project's own rows: `{"columns": [{"name", "type"}], "rows": [[…]], "truncated": …}`. Whole
        numbers beyond 2^53 and decimals are text. 1,000 rows unless `limit` says how many, at most 10,000. The key
        needs the scope sql:read, and for each table the scope of what is in it."""
        return self._call(question(f"{self._root}/sql", without_none({"sql": statement, "limit": limit})))

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, object] | None = None,
        if_match: str | int | None = None,
        idempotency_key: str | None = None,
    ) -> R:
        """Anything else of the API, with the same retries, keys and errors: `request("GET", "/properties")`. `path` is
        below the project's, percent-encoded."""
        path = self._root + path
        if method.upper() in READS:
            return self._call(Call(Request_(method.upper(), path + query_text(query or {})), read_object))
        return self._call(write(method.upper(), path, body, query=query, key=idempotency_key, if_match=if_match))

    def _set_up(self, transport: Transport | None) -> None:
        raise NotImplementedError

    def _call(self, call: Call[Json]) -> R:
        raise NotImplementedError
