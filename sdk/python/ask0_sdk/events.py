"""The calls that say what users do. None of them waits, and none raises for what is in its data."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ask0_sdk.errors import NotJson
from ask0_sdk.options import NAME, VERSION
from ask0_sdk.outbox import FULL
from ask0_sdk.plain import TooLong, iso, to_json
from ask0_sdk.requests import Id, new_id, without_none
from ask0_sdk.voice import Voice

# The gateway takes 32,768 bytes of properties and context; the ids around them are below the rest of this. What lies
# between is the gateway's to decide.
MAX_EVENT_BYTES = 40_000

LIBRARY = {"name": NAME, "version": VERSION}
REASONS = {FULL: "the queue has no room: is the server away?", "closed": "the client is closed"}

Data = Mapping[str, Any]
NOTHING: Data = {}
IDS = ("userId", "anonymousId")
Time = datetime | str | int  # ISO 8601, or epoch ms


class Events:
    """What both clients have. An event is queued here, and delivered in the background.

    `context` goes along as it is, `timestamp` is when it happened (now), `message_id` is unique in the project: made
    here, and what makes a repeat of the event the same event.
    """

    _voice: Voice

    def track(
        self,
        event: str,
        properties: Data | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """Something happened. Where no user is named, `userId` and `anonymousId` are looked for in the properties."""
        who = _who(user_id, anonymous_id, context, timestamp, message_id)
        self._put({"type": "track", "event": event, "properties": properties, **who})

    def identify(
        self,
        user: Id | Data | None,
        traits: Data | None = None,
        *,
        anonymous_id: Id | None = None,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """Who a user is: an id and traits; or one mapping with an `id`, whose other keys, and `customAttributes`, are
        traits."""
        who = _who(user, anonymous_id, context, timestamp, message_id)
        self._put({"type": "identify", "traits": traits, **who})

    def group(
        self,
        group_id: Id,
        traits: Data | None = None,
        *,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """Which account a user belongs to."""
        who = _who(user_id, anonymous_id, context, timestamp, message_id)
        self._put({"type": "group", "groupId": group_id, "traits": traits, **who})

    def alias(
        self,
        user_id: Id,
        previous_id: Id,
        *,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """That the guest `previous_id` is this user."""
        who = _who(user_id, None, context, timestamp, message_id)
        self._put({"type": "alias", "previousId": previous_id, **who})

    def page(
        self,
        name: str | None = None,
        properties: Data | None = None,
        *,
        category: str | None = None,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """A page was shown."""
        who = _who(user_id, anonymous_id, context, timestamp, message_id)
        self._put({"type": "page", "name": name, "category": category, "properties": properties, **who})

    def screen(
        self,
        name: str | None = None,
        properties: Data | None = None,
        *,
        category: str | None = None,
        user_id: Id | None = None,
        anonymous_id: Id | None = None,
        context: Data | None = None,
        timestamp: Time | None = None,
        message_id: str | None = None,
    ) -> None:
        """An app's screen was shown."""
        who = _who(user_id, anonymous_id, context, timestamp, message_id)
        self._put({"type": "screen", "name": name, "category": category, "properties": properties, **who})

    def batch(self, events: Iterable[Data]) -> None:
        """Events in the wire's own form, such as `{"event": "Opened", "userId": "user_42", "page": "/docs"}`: keys that
        are not the envelope's are properties. One with an `id` or `traits` is an identify."""
        try:
            for event in events:
                self._put({}, flat=event)
        except Exception as error:  # whatever the iterable does
            self._voice.report(error)

    def _put(self, said: dict[str, object], flat: object = NOTHING) -> None:
        """`flat` is a mapping from outside, over which `said` is laid."""
        event: dict[str, object] = said
        try:
            if not isinstance(flat, Mapping):
                return self._voice.refuse("not_an_object", "an event is a mapping", {"event": flat})
            event = _completed({**flat, **without_none(said)})
            data, problems = to_json(event, MAX_EVENT_BYTES)
            if len(data) > MAX_EVENT_BYTES:
                raise TooLong
            reason = self._queue(data)
        except TooLong:
            return self._voice.refuse("too_large", "an event has at most 32,768 bytes as JSON", event)
        except Exception as error:  # of a mapping that is not what it seems, or of a stack that is at its end
            return self._voice.refuse("unreadable", f"{type(error).__name__}: {error}", event)
        if problems:
            self._voice.report(NotJson(problems))
        if reason:
            return self._voice.refuse(reason, REASONS[reason], event)
        return None

    def _queue(self, event: bytes) -> str | None:
        """None if it was taken, else the reason why not."""
        raise NotImplementedError


def _completed(event: dict[str, object]) -> dict[str, object]:
    """With an id and a time, and what stands in a mapping of the caller's where the gateway looks for it."""
    user, properties = event.get("userId"), event.get("properties")
    if event.get("type") == "identify" and isinstance(user, Mapping):
        event = {**user, **{key: value for key, value in event.items() if key != "userId"}}
    elif event.get("type") == "track" and isinstance(properties, Mapping) and not {*IDS} & {*event}:
        ids = {key: properties[key] for key in IDS if key in properties}
        event = {**event, "properties": {key: properties[key] for key in properties if key not in IDS}, **ids}
    event = without_none(event)
    event["messageId"] = event.get("messageId") or new_id()
    event.setdefault("timestamp", iso(datetime.now(timezone.utc)))
    context = event.get("context", NOTHING)
    event["context"] = {"library": LIBRARY, **context} if isinstance(context, Mapping) else context
    return event


def _who(
    user_id: object, anonymous_id: object, context: object, timestamp: object, message_id: object
) -> dict[str, object]:
    return {
        "userId": user_id,
        "anonymousId": anonymous_id,
        "context": context,
        "timestamp": timestamp,
        "messageId": message_id,
    }
