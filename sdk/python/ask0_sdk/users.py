"""Users of the API. Written once: R is an answer for Ask0, and an awaitable of one for AsyncAsk0."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Generic, Literal, TypeVar

from ask0_sdk.errors import Ask0Error
from ask0_sdk.files import Format, Upload
from ask0_sdk.plain import iso
from ask0_sdk.requests import (
    Answer,
    Call,
    Id,
    Json,
    Reply,
    Request,
    body_bytes,
    get,
    new_id,
    path_part,
    question,
    read_object,
    succeeded,
    unreadable,
    upload,
    without_none,
    write,
)

R = TypeVar("R")
Data = Mapping[str, Any]
Send = Callable[[Call[Json]], R]

NOT_IN_A_PATH = frozenset((".", "..", "properties", "query", "batch"))  # as the id of a user
PAGE = 200  # users of one request of iterate


class Users(Generic[R]):
    """Bodies and answers are JSON objects with the API's own names, in camelCase.

    Every call raises Ask0Error, and ValueError or TypeError for what cannot be sent. Every write has an idempotency key
    that is kept over its retries; give `idempotency_key` to keep it over those of your own. A write whose effect was
    not seen within 5 s answers `{"change": {"id": …, "status": "pending"}}`: `changes.get` follows it.
    """

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/users"

    def identify(
        self,
        user_id: Id,
        traits: Data | None = None,
        *,
        project_id: str | None = None,
        anonymous_id: Id | None = None,
        message_id: str | None = None,
    ) -> R:
        """Who a user is, as an event: durable when this returns, in the profile a moment later."""
        event = {
            "type": "identify",
            "userId": user_id,
            "anonymousId": anonymous_id,
            "projectId": project_id,
            "traits": traits or {},
            "messageId": message_id or new_id(),
            "timestamp": iso(datetime.now(timezone.utc)),
        }
        headers = {"content-type": "application/json"}
        return self._send(Call(Request("POST", "/v1/identify", headers, body_bytes(event), beacon=True), read_object))

    def upsert(self, user: Data, *, if_match: str | int | None = None, idempotency_key: str | None = None) -> R:
        """Creates the user with this `id`, or changes what is named and nothing else. The user, or a pending change."""
        id, body = _id_and_rest(user)
        if id in NOT_IN_A_PATH:
            call = write("POST", f"{self._root}/batch", {"users": [{**user, "id": id}]}, key=idempotency_key)
            return self._send(Call(call.request, _only_outcome))
        return self._send(write("PUT", self._path(id), body, key=idempotency_key, if_match=if_match))

    def create(self, user: Data, *, idempotency_key: str | None = None) -> R:
        """A new user; 409 if the `id` is taken, and made by the server if there is none."""
        return self._send(write("POST", self._root, user, key=idempotency_key))

    def get(self, id: Id) -> R:
        """All that is known of one user; 404 `unknown_user`."""
        if str(id) in NOT_IN_A_PATH:
            call = get(self._root, {"ids": str(id)})
            return self._send(Call(call.request, lambda reply: _only(reply, str(id))))
        return self._send(get(self._path(id)))

    def list(
        self,
        filter: Data | None = None,
        *,
        search: str | None = None,
        segment: str | None = None,
        sort: str | None = None,
        fields: Sequence[str] | None = None,
        ids: Sequence[Id] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        total: bool | None = None,
    ) -> R:
        """`{"users": […], "next": cursor or null}`. `filter` is Ask0's conditions, or the API's filter language; `sort`
        such as `-lastActiveAt,traits.seats`; `limit` at most 200, 30 if not given; `total` counts all, on the first
        page."""
        return self._send(
            self._page(
                filter=filter,
                search=search,
                segment=segment,
                sort=sort,
                fields=None if fields is None else list_of(fields),
                ids=None if ids is None else [str(id) for id in list_of(ids)],
                limit=limit,
                cursor=cursor,
                total=total,
            )
        )

    def update(
        self, id: Id, changes: Data, *, if_match: str | int | None = None, idempotency_key: str | None = None
    ) -> R:
        """Changes what is named; 404 if nobody has this id, 412 if `if_match`, a `version`, is not the present one."""
        return self._send(write("PATCH", self._path(id), changes, key=idempotency_key, if_match=if_match))

    def delete(
        self,
        id: Id,
        *,
        delete_conversations: bool = False,
        anonymize: bool = False,
        idempotency_key: str | None = None,
    ) -> R:
        """Erases a user, or with `anonymize` only what says who it was: `{"job": {…}}`, which `jobs.wait` follows to
        its signed receipt. Conversations stay, tied to nobody, unless they are to be deleted. Whatever comes of the
        user later is dropped, until `suppressions.lift`. For many there is `bulk`, for conversations alone
        `delete_conversations`."""
        query = {"deleteConversations": delete_conversations, "anonymize": anonymize}
        return self._send(write("DELETE", self._path(id), query=query, key=idempotency_key))

    def delete_conversations(self, id: Id, *, idempotency_key: str | None = None) -> R:
        """All that the user said in conversations goes, and the user stays: `{"job": {…}}`."""
        return self._send(write("DELETE", f"{self._path(id)}/conversations", key=idempotency_key))

    def transfer(self, id: Id, *, project: str, key: str, idempotency_key: str | None = None) -> R:
        """All that is stored of the user goes to another project, of which `key` is a secret key: `{"job": {…}}`."""
        body = {"project": project, "key": key}
        return self._send(write("POST", f"{self._path(id)}/transfer", body, key=idempotency_key))

    def get_conversations(
        self,
        id: Id,
        *,
        sort: Literal["recent", "started"] | None = None,
        status: str | None = None,
        topic: str | None = None,
        unanswered: bool | None = None,
        rating: float | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> R:
        """`{"conversations": […], "next": cursor or null}`."""
        query = {"sort": sort, "status": status, "topic": topic, "unanswered": unanswered, "rating": rating}
        return self._send(get(f"{self._path(id)}/conversations", {**query, "limit": limit, "cursor": cursor}))

    def messages(self, id: Id, *, limit: int | None = None, cursor: str | None = None) -> R:
        """The in-app messages that the user was shown: `{"messages": […], "next": cursor or null}`."""
        return self._send(get(f"{self._path(id)}/messages", {"limit": limit, "cursor": cursor}))

    def configs(self, id: Id, *, limit: int | None = None, cursor: str | None = None) -> R:
        """The variations of dynamic configs that the user was served: `{"configs": […], "next": cursor or null}`."""
        return self._send(get(f"{self._path(id)}/configs", {"limit": limit, "cursor": cursor}))

    def segment(
        self, definition: Data, *, sort: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> R:
        """The users whom a definition holds, without saving it: `{"name": …, "conditions": {…}}`, or a filter alone."""
        named = "conditions" in definition or "filter" in definition
        body = {**definition} if named else {"filter": definition}
        more = {"sort": sort, "limit": limit, "cursor": cursor}
        path = self._root.removesuffix("/users") + "/segments/query"
        return self._send(question(path, body | without_none(more)))

    def deactivate(self, id: Id, reason: str | None = None, *, idempotency_key: str | None = None) -> R:
        """`access` says no for this user until `reactivate`."""
        body = without_none({"reason": reason})
        return self._send(write("POST", f"{self._path(id)}/deactivate", body, key=idempotency_key))

    def reactivate(self, id: Id, reason: str | None = None, *, idempotency_key: str | None = None) -> R:
        body = without_none({"reason": reason})
        return self._send(write("POST", f"{self._path(id)}/reactivate", body, key=idempotency_key))

    def merge(self, id: Id, from_id: Id, *, idempotency_key: str | None = None) -> R:
        """Two users become one, of the first id; `unmerge` takes them apart as if nothing had been."""
        return self._send(write("POST", f"{self._path(id)}/merge", {"from": str(from_id)}, key=idempotency_key))

    def unmerge(self, id: Id, from_id: Id, *, idempotency_key: str | None = None) -> R:
        path = f"{self._path(id)}/merge/{path_part(from_id, 'from_id')}"
        return self._send(write("DELETE", path, key=idempotency_key))

    def tag(self, id: Id, *tags: str, idempotency_key: str | None = None) -> R:
        return self._send(write("POST", f"{self._path(id)}/tags", {"tags": list_of(tags)}, key=idempotency_key))

    def untag(self, id: Id, tag: str, *, idempotency_key: str | None = None) -> R:
        return self._send(write("DELETE", f"{self._path(id)}/tags/{path_part(tag, 'tag')}", key=idempotency_key))

    def batch(self, users: Sequence[Data], *, idempotency_key: str | None = None) -> R:
        """Up to 1,000 upserts, each with an outcome of its own in the answer."""
        return self._send(write("POST", f"{self._root}/batch", {"users": list_of(users)}, key=idempotency_key))

    def bulk(self, work: Data, *, idempotency_key: str | None = None) -> R:
        """One change of many: `{"ids": […], "do": "tag", …}` or with a `filter`: `{"job": {…}}`."""
        return self._send(write("POST", f"{self._root}/bulk", work, key=idempotency_key))

    def _path(self, id: Id) -> str:
        if str(id) in NOT_IN_A_PATH:
            raise ValueError(f"no path can hold the id {id!r}: get and upsert reach this user, all else is bulk")
        return f"{self._root}/{path_part(id)}"

    def _page(self, **query: Any) -> Call[Json]:
        """What may be long or names people goes in a body: addresses end up in logs."""
        if query.get("filter") is None and query.get("ids") is None and query.get("search") is None:
            return get(self._root, query)
        return question(f"{self._root}/query", without_none(query))

    def _import(self, file: Upload, format: Format | None, key: str | None) -> Call[Json]:
        return upload(f"{self._root.removesuffix('/users')}/import", file, format, key)

    def _export(self, id: Id, format: str) -> Call[Answer]:
        call = get(f"{self._path(id)}/export", {"format": format})
        return Call(call.request, succeeded)

    def _pages(self, query: dict[str, Any], cursor: str | None) -> Call[Json]:
        """One of the pages that hold every user. By id, which stands still, so that each is met once."""
        return self._page(**query, sort="id", limit=PAGE, cursor=cursor)


def users_of(page: Json, cursor: str | None) -> tuple[list[Json], str | None]:
    """A page's users, and the cursor of the next. Raises Ask0Error for a page that leads nowhere, or in a circle."""
    users, following = page.get("users"), page.get("next")
    if not isinstance(users, list) or (following is not None and following == cursor):
        raise Ask0Error(200, "unreadable_answer", "this is no page of users, or the same one again")
    return users, following


def list_of(items: Sequence[Any]) -> list[Any]:
    """Raises TypeError for a text, whose letters are not meant."""
    if isinstance(items, (str, bytes, Mapping)):
        raise TypeError(f"a list is meant, not {items!r}")
    return [*items]


def _id_and_rest(user: Data) -> tuple[str, dict[str, Any]]:
    id = user.get("id")
    if type(id) not in (str, int) or id == "":
        raise ValueError("a user needs an `id`: create makes one where there is none")
    return str(id), {name: value for name, value in user.items() if name != "id"}


def _only(reply: Reply, id: str) -> Json:
    page = read_object(reply)
    users = page.get("users")
    if not isinstance(users, list):
        assert isinstance(reply, Answer)
        raise unreadable(reply)
    if not users:
        raise Ask0Error(404, "unknown_user", f"nobody with the id {id!r} has been met in the project")
    only: Json = users[0]
    return only


def _only_outcome(reply: Reply) -> Json:
    answer = read_object(reply)
    outcomes = answer.get("users")
    return outcomes[0] if isinstance(outcomes, list) and outcomes and isinstance(outcomes[0], dict) else answer
