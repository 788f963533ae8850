"""The API for servers, as a group of operations."""

from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.responses import Response

from ask0.gateway.api.access import Accesses
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.me import me
from ask0.gateway.api.paths import BASE
from ask0.gateway.api.properties import PropertyDocuments
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.segments import Segments
from ask0.gateway.api.user_lists import UserLists
from ask0.gateway.api.user_writes import UserWrites
from ask0.gateway.api.users import Users
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import Answers, Asked, Operation
from ask0.schemas import api
from ask0.schemas.api import BatchOutcome, Profile, UserList, UserParameters, UserQuery
from ask0.schemas.user_writes import NewUser, Tags, UserBatch, UserWrite

USERS = f"{BASE}/users"
USER = f"{USERS}/{{id}}"
SEGMENTS = f"{BASE}/segments"
SEGMENT = f"{SEGMENTS}/{{id}}"
KEYED = ("Idempotency-Key",)
CONDITIONAL = (*KEYED, "If-Match")


def api_group(
    entrance: Entrance,
    users: Users,
    lists: UserLists,
    writes: UserWrites,
    segments: Segments,
    properties: PropertyDocuments,
    accesses: Accesses,
    changes: Changes,
) -> Group:
    became = "What became of a change that was pending"
    return Group(
        entrance,
        [
            _read("GET", USERS, lists.list, "Users", UserList, UserParameters),
            _read("POST", f"{USERS}/query", lists.query, "Users, as GET does", UserList, UserQuery),
            _read("GET", USER, users.profile, "One user", Profile),
            *_user_writes(writes),
            *_segment_operations(segments),
            *_property_operations(properties),
            *_access_operations(accesses),
            _read("GET", f"{BASE}/me", me, "Who you are, and what you may do", api.Me),
            _read(
                "GET", f"{BASE}/changes", lists.changed, "Users who changed since", api.ChangedUsers, api.ChangedQuery
            ),
            _read("GET", f"{BASE}/changes/{{id}}", changes.status, became, api.Pending),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )


def _user_writes(writes: UserWrites) -> list[Operation]:
    changed: Answers = {200: Profile, 202: api.Pending}
    made: Answers = {200: Profile, 201: Profile, 202: api.Pending}
    batched: Answers = {200: BatchOutcome, 202: BatchOutcome}
    tags = f"{USER}/tags"
    return [
        _write("POST", USERS, writes.create, "Make a user", made, NewUser, headers=KEYED, refusals=(409, 422)),
        _write(
            "POST",
            f"{USERS}/batch",
            writes.batch,
            "Make or change up to 1,000 users",
            batched,
            UserBatch,
            headers=KEYED,
        ),
        _write("PUT", USER, writes.put, "Make or change a user", made, UserWrite, refusals=(412, 422)),
        _write("PATCH", USER, writes.patch, "Change a user", changed, UserWrite, refusals=(412, 422)),
        _write("POST", tags, writes.add_tags, "Put tags on a user", changed, Tags, refusals=(412, 422)),
        _write("DELETE", f"{tags}/{{tag}}", writes.remove_tag, "Take a tag off", changed, refusals=(412, 422)),
    ]


def _write(
    method: str,
    path: str,
    answer: Callable[[Asked], Awaitable[Response]],
    summary: str,
    answers: Answers,
    body: type[BaseModel] | None = None,
    *,
    needs_body: bool = True,
    headers: Sequence[str] = CONDITIONAL,
    refusals: Sequence[int] = (422,),
) -> Operation:
    return Operation(
        method,
        path,
        answer,
        summary,
        Access.SERVER,
        body=body,
        needs_body=needs_body,
        headers=headers,
        answers=answers,
        refusals=refusals,
    )


def _segment_operations(segments: Segments) -> list[Operation]:
    one: Answers = {200: api.SegmentAnswer}
    refusals = (409, 412, 422, 428)
    return [
        _read("GET", SEGMENTS, segments.list, "Segments", api.SegmentList),
        _write(
            "POST",
            SEGMENTS,
            segments.create,
            "Make a segment",
            {201: api.SegmentAnswer},
            api.NewSegment,
            headers=KEYED,
            refusals=(409, 422),
        ),
        _read(
            "POST", f"{SEGMENTS}/query", segments.query, "Users who would be in a segment", UserList, api.SegmentQuery
        ),
        _read("GET", SEGMENT, segments.get, "One segment", api.SegmentAnswer),
        _write("PUT", SEGMENT, segments.update, "Change a segment", one, api.SegmentEdit, refusals=refusals),
        _write("PATCH", SEGMENT, segments.update, "Change a segment", one, api.SegmentEdit, refusals=refusals),
        _write("DELETE", SEGMENT, segments.delete, "Delete a segment", {204: None}, refusals=refusals),
        _read("GET", f"{SEGMENT}/users", segments.users, "Users in a segment", UserList, UserParameters),
        _read("GET", f"{SEGMENT}/count", segments.count, "How many are in a segment", api.Count),
        _read("GET", f"{USER}/segments", segments.of_user, "Segments that a user is in", api.HeldSegments),
    ]


def _property_operations(properties: PropertyDocuments) -> list[Operation]:
    path, every = f"{BASE}/properties", api.PropertyList
    define = "Define what a project's traits are"
    return [
        _read("GET", path, properties.get, "What a project's traits are", every),
        _write("PUT", path, properties.put, define, {200: every}, api.PropertyEdit, refusals=(412, 428)),
    ]


def _access_operations(accesses: Accesses) -> list[Operation]:
    who = "Whether somebody may use the assistant"
    done: Answers = {200: Profile, 202: api.AccessState}
    return [
        _read("GET", f"{BASE}/access", accesses.ask, who, api.AccessAnswer, api.AccessParameters),
        _write(
            "POST",
            f"{USER}/deactivate",
            accesses.deactivate,
            "Deactivate a user",
            done,
            api.Reason,
            needs_body=False,
            headers=KEYED,
        ),
        _write(
            "POST", f"{USER}/reactivate", accesses.reactivate, "Let a user in again", done, headers=KEYED, refusals=()
        ),
    ]


def _read(
    method: str,
    path: str,
    answer: Callable[[Asked], Awaitable[Response]],
    summary: str,
    answers: type[BaseModel],
    asked: type[BaseModel] | None = None,
) -> Operation:
    """`asked` are parameters; the body of a POST, which is a GET whose question is too long for an address."""
    body, query = (asked, None) if method == "POST" else (None, asked)
    return Operation(method, path, answer, summary, Access.SERVER, query=query, body=body, answers=answers)
