"""The API for servers, as a group of operations."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.responses import Response

from ask0.gateway.api.access import Accesses
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.exports import Exports
from ask0.gateway.api.me import Me
from ask0.gateway.api.paths import BASE
from ask0.gateway.api.properties import PropertyDocuments
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.segments import Segments
from ask0.gateway.api.stages import StageDocuments
from ask0.gateway.api.user_batches import read_batch
from ask0.gateway.api.user_lists import UserLists
from ask0.gateway.api.user_merges import UserMerges
from ask0.gateway.api.user_writes import UserWrites
from ask0.gateway.api.users import Users
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import EVERY_KEY, Answers, Asked, OfKeys, Operation
from ask0.schemas import api
from ask0.schemas.api import BatchOutcome, Profile, UserList, UserParameters, UserQuery
from ask0.schemas.events import MAX_BODY_BYTES
from ask0.schemas.user_export import ExportQuery, UserExport
from ask0.schemas.user_writes import MAX_BATCH_BYTES, MergeOrder, NewUser, Tags, UserBatch, UserWrite

USERS = f"{BASE}/users"
USER = f"{USERS}/{{id}}"
SEGMENTS = f"{BASE}/segments"
SEGMENT = f"{SEGMENTS}/{{id}}"
CHANGES = f"{BASE}/changes"
KEYED = ("Idempotency-Key",)
CONDITIONAL = (*KEYED, "If-Match")


def api_group(
    entrance: Entrance,
    users: Users,
    lists: UserLists,
    writes: UserWrites,
    merges: UserMerges,
    segments: Segments,
    properties: PropertyDocuments,
    stages: StageDocuments,
    accesses: Accesses,
    changes: Changes,
    exports: Exports,
    me: Me,
) -> Group:
    became, since = "What became of a change that was pending", "Users who changed since"
    return Group(
        entrance,
        [
            _read("GET", USERS, "users:read", lists.list, "Users", UserList, UserParameters),
            _read("POST", f"{USERS}/query", "users:read", lists.query, "Users, as GET does", UserList, UserQuery),
            _read("GET", USER, "users:read", users.profile, "One user", Profile),
            *_user_writes(writes),
            *_user_merges(merges),
            *_segment_operations(segments),
            *_property_operations(properties),
            *_stage_operations(stages),
            *_access_operations(accesses),
            Operation(
                "GET",
                f"{USER}/export",
                exports.export,
                "Everything that is stored of a user",
                Access.SERVER,
                ("users:read", "events:read"),
                query=ExportQuery,
                answers=UserExport,
                files=("application/zip",),
            ),
            _read("GET", f"{BASE}/me", EVERY_KEY, me.answer, "Who you are, and what you may do", api.Me),
            _read("GET", CHANGES, "users:read", lists.changed, since, api.ChangedUsers, api.ChangedQuery),
            _read("GET", f"{CHANGES}/{{id}}", "users:write", changes.status, became, api.Pending),
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
        _write(
            "POST",
            USERS,
            "users:write",
            writes.create,
            "Make a user",
            made,
            NewUser,
            headers=KEYED,
            refusals=(409, 422),
        ),
        _write(
            "POST",
            f"{USERS}/batch",
            "users:write",
            writes.batch,
            "Make or change up to 1,000 users",
            batched,
            UserBatch,
            headers=KEYED,
            most_bytes=MAX_BATCH_BYTES,
            reads=read_batch,
        ),
        _write("PUT", USER, "users:write", writes.put, "Make or change a user", made, UserWrite, refusals=(412, 422)),
        _write("PATCH", USER, "users:write", writes.patch, "Change a user", changed, UserWrite, refusals=(412, 422)),
        _write("POST", tags, "users:write", writes.add_tags, "Put tags on a user", changed, Tags, refusals=(412, 422)),
        _write(
            "DELETE",
            f"{tags}/{{tag}}",
            "users:write",
            writes.remove_tag,
            "Take a tag off",
            changed,
            refusals=(412, 422),
        ),
    ]


def _user_merges(merges: UserMerges) -> list[Operation]:
    done: Answers = {200: Profile, 202: api.Pending}
    path, refusals = f"{USER}/merge", (409, 412, 422)
    return [
        _write("POST", path, "users:write", merges.merge, "Merge a user in", done, MergeOrder, refusals=refusals),
        _write("DELETE", f"{path}/{{from}}", "users:write", merges.undo, "Undo a merge", done, refusals=refusals),
    ]


def _write(
    method: str,
    path: str,
    scope: OfKeys,
    answer: Callable[[Asked], Awaitable[Response]],
    summary: str,
    answers: Answers,
    body: type[BaseModel] | None = None,
    *,
    needs_body: bool = True,
    most_bytes: int = MAX_BODY_BYTES,
    reads: Callable[[bytes], Any] | None = None,
    headers: Sequence[str] = CONDITIONAL,
    refusals: Sequence[int] = (422,),
) -> Operation:
    return Operation(
        method,
        path,
        answer,
        summary,
        Access.SERVER,
        scope,
        body=body,
        needs_body=needs_body,
        most_bytes=most_bytes,
        reads=reads,
        headers=headers,
        answers=answers,
        refusals=refusals,
    )


def _segment_operations(segments: Segments) -> list[Operation]:
    one: Answers = {200: api.SegmentAnswer}
    refusals = (409, 412, 422, 428)
    return [
        _read("GET", SEGMENTS, "users:read", segments.list, "Segments", api.SegmentList),
        _write(
            "POST",
            SEGMENTS,
            "segments:write",
            segments.create,
            "Make a segment",
            {201: api.SegmentAnswer},
            api.NewSegment,
            headers=KEYED,
            refusals=(409, 422),
        ),
        _read(
            "POST",
            f"{SEGMENTS}/query",
            "users:read",
            segments.query,
            "Users who would be in a segment",
            UserList,
            api.SegmentQuery,
        ),
        _read("GET", SEGMENT, "users:read", segments.get, "One segment", api.SegmentAnswer),
        _write(
            "PUT",
            SEGMENT,
            "segments:write",
            segments.update,
            "Change a segment",
            one,
            api.SegmentEdit,
            refusals=refusals,
        ),
        _write(
            "PATCH",
            SEGMENT,
            "segments:write",
            segments.update,
            "Change a segment",
            one,
            api.SegmentEdit,
            refusals=refusals,
        ),
        _write(
            "DELETE", SEGMENT, "segments:write", segments.delete, "Delete a segment", {204: None}, refusals=refusals
        ),
        _read("GET", f"{SEGMENT}/users", "users:read", segments.users, "Users in a segment", UserList, UserParameters),
        _read("GET", f"{SEGMENT}/count", "users:read", segments.count, "How many are in a segment", api.Count),
        _read(
            "GET",
            f"{SEGMENT}/history",
            "users:read",
            segments.history,
            "How many were in a segment, by day",
            api.SizeHistory,
            api.HistoryQuery,
        ),
        _read(
            "GET", f"{USER}/segments", "users:read", segments.of_user, "Segments that a user is in", api.HeldSegments
        ),
    ]


def _property_operations(properties: PropertyDocuments) -> list[Operation]:
    path, every = f"{BASE}/properties", api.PropertyList
    define = "Define what a project's traits are"
    return [
        _read("GET", path, "users:read", properties.get, "What a project's traits are", every),
        _write(
            "PUT",
            path,
            "settings:write",
            properties.put,
            define,
            {200: every},
            api.PropertyEdit,
            refusals=(412, 422, 428),
        ),
    ]


def _stage_operations(stages: StageDocuments) -> list[Operation]:
    path, every = f"{BASE}/stages", api.StageList
    define = "Define the stages that users are in"
    return [
        _read("GET", path, "users:read", stages.get, "The stages that users are in", every),
        _write(
            "PUT", path, "segments:write", stages.put, define, {200: every}, api.StageEdit, refusals=(412, 422, 428)
        ),
    ]


def _access_operations(accesses: Accesses) -> list[Operation]:
    who = "Whether somebody may use the assistant"
    done: Answers = {200: Profile, 202: api.AccessState}
    return [
        _read("GET", f"{BASE}/access", "access:read", accesses.ask, who, api.AccessAnswer, api.AccessParameters),
        _write(
            "POST",
            f"{USER}/deactivate",
            "users:write",
            accesses.deactivate,
            "Deactivate a user",
            done,
            api.Reason,
            needs_body=False,
            headers=KEYED,
        ),
        _write(
            "POST",
            f"{USER}/reactivate",
            "users:write",
            accesses.reactivate,
            "Let a user in again",
            done,
            headers=KEYED,
            refusals=(),
        ),
    ]


def _read(
    method: str,
    path: str,
    scope: OfKeys,
    answer: Callable[[Asked], Awaitable[Response]],
    summary: str,
    answers: type[BaseModel],
    asked: type[BaseModel] | None = None,
) -> Operation:
    """`asked` are parameters; the body of a POST, which is a GET whose question is too long for an address."""
    body, query = (asked, None) if method == "POST" else (None, asked)
    return Operation(method, path, answer, summary, Access.SERVER, scope, query=query, body=body, answers=answers)
