"""The operations that read what users did, as a group."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel
from starlette.middleware import Middleware
from starlette.responses import Response

from ask0.gateway.api.audit import AuditLog
from ask0.gateway.api.conversations import Conversations
from ask0.gateway.api.paths import BASE
from ask0.gateway.api.reading import Reading
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.api.user_events import UserEvents
from ask0.gateway.api.user_insights import UserInsights
from ask0.gateway.api.user_served import UserServed
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, OfKeys, Operation
from ask0.gateway.questions import Questions
from ask0.schemas import activity as shown
from ask0.schemas.served import ServedConfigs, ShownMessages
from ask0.warehouse.connect import Warehouse

Answer = Callable[[Asked], Awaitable[Response]]

CONVERSATIONS = f"{BASE}/conversations"
USER = f"{BASE}/users/{{id}}"


def activity_group(entrance: Entrance, warehouse: Warehouse, questions: Questions) -> Group:
    reading = Reading(warehouse, questions)
    talks, events, insights = Conversations(reading), UserEvents(reading), UserInsights(reading)
    served = UserServed(reading)
    every, list_of = shown.ConversationQuery, shown.ConversationList
    operations = [
        _get(CONVERSATIONS, "events:read", talks.list, "Conversations", every, list_of),
        _get(
            f"{CONVERSATIONS}/{{id}}",
            "events:read",
            talks.one,
            "One conversation with its messages",
            shown.MessageQuery,
            shown.WholeConversation,
        ),
        _get(f"{USER}/conversations", "events:read", talks.of_user, "A user's conversations", every, list_of),
        _get(f"{USER}/events", "events:read", events.list, "What a user did", shown.EventQuery, shown.UserEventList),
        _get(
            f"{USER}/events/counts",
            "events:read",
            events.counts,
            "How often, by day",
            shown.CountQuery,
            shown.DayCounts,
        ),
        _get(f"{USER}/journey", "events:read", insights.journey, "A user's way, step by step", None, shown.Journey),
        _get(
            f"{USER}/patterns", "events:read", insights.patterns, "A user's habits", shown.PatternQuery, shown.Patterns
        ),
        _get(
            f"{USER}/messages", "events:read", served.messages, "Messages shown to a user", shown.Paged, ShownMessages
        ),
        _get(f"{USER}/configs", "events:read", served.configs, "Configs served to a user", shown.Paged, ServedConfigs),
        _get(
            f"{USER}/history",
            "users:read",
            insights.history,
            "The values of a trait",
            shown.HistoryQuery,
            shown.TraitHistory,
        ),
        _get(
            f"{USER}/audit",
            "users:read",
            insights.audit,
            "What was said of a user, by whom",
            shown.Paged,
            shown.UserAudit,
        ),
        _get(
            f"{BASE}/audit",
            ("audit:read", "users:read"),
            AuditLog(reading).list,
            "Who did what in the project",
            shown.AuditQuery,
            shown.UserAudit,
        ),
    ]
    return Group(entrance, operations, Middleware(ApiRoute), for_pages=False)


def _get(
    path: str, scope: OfKeys, answer: Answer, summary: str, query: type[BaseModel] | None, answers: type[BaseModel]
) -> Operation:
    return Operation("GET", path, answer, summary, Access.SERVER, scope, query=query, answers=answers)
