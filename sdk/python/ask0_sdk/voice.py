"""What the application is told: events that were refused, and errors. Without a callback it is logged."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

QUIET_SECONDS = 10  # between two lines of the log about the same reason

logger = logging.getLogger("ask0_sdk")


@dataclass(frozen=True)
class Refusal:
    """An event that will not be stored.

    `reason` is a word for programs: the gateway's (such as `invalid_id`), or `queue_full`, `closed`, `too_large`,
    `not_an_object` of this SDK. `event` is what was to be sent.
    """

    reason: str
    message: str
    event: Mapping[str, Any]

    @property
    def message_id(self) -> str | None:
        given = self.event.get("messageId")
        return given if isinstance(given, str) else None


class Voice:
    """Calls the application's callbacks, none of which can stop a delivery by raising."""

    def __init__(
        self, on_refused: Callable[[Refusal], object] | None, on_error: Callable[[Exception], object] | None
    ) -> None:
        self._on_refused = on_refused
        self._on_error = on_error
        self._here = threading.local()
        self._logged: dict[str, tuple[float, int]] = {}  # by reason: when, and how many since then

    def refuse(self, reason: str, message: str, event: bytes | Mapping[str, Any]) -> None:
        refusal = Refusal(reason, message, json.loads(event) if isinstance(event, bytes) else event)
        if self._on_refused is None or self._speaking:  # a callback that tracks would be told of that without end
            self._log_refusal(refusal)
        else:
            self._say(self._on_refused, refusal)

    def refuse_all(self, reason: str, message: str, events: Iterable[bytes]) -> None:
        for event in events:
            self.refuse(reason, message, event)

    def report(self, error: Exception) -> None:
        if self._on_error is None or self._speaking:
            logger.warning("%s: %s", type(error).__name__, error)
        else:
            self._say(self._on_error, error)

    @property
    def _speaking(self) -> bool:
        return getattr(self._here, "speaking", False)

    def _say(self, callback: Callable[[Any], object], what: object) -> None:
        raised: Exception | None = None
        self._here.speaking = True
        try:
            callback(what)
        except Exception as error:
            raised = error
        finally:
            self._here.speaking = False
        if raised and isinstance(what, Refusal):
            self.report(raised)
        elif raised:
            logger.error("on_error raised", exc_info=raised)

    def _log_refusal(self, refusal: Refusal) -> None:
        """Thousands of refusals are a few lines."""
        at, count = self._logged.get(refusal.reason, (0.0, 0))
        now = time.monotonic()
        if at and now - at < QUIET_SECONDS:
            self._logged[refusal.reason] = (at, count + 1)
            return
        self._logged[refusal.reason] = (now, 0)
        more = f" ({count:,} more before it)" if count else ""
        logger.warning("an event was refused: %s: %s%s", refusal.reason, refusal.message, more)
