"""Identity verification: what a site's server has signed says who its user is; what a page says alone does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ask0.catalog.tokens import Verifier
from ask0.schemas.events import TOKEN, Event
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import InvalidEvent, Reason

MAX_BEACON_TOKENS = 250  # that are checked; a signature takes as long as ten events
PROVEN = ("identify", "alias")  # the calls that change a user

MISSING = "this project takes identify and alias of a userId only with a userToken, or with a secret key"
TOO_MANY = f"at most {MAX_BEACON_TOKENS} userTokens of one beacon are checked: send smaller batches"
WRONG_GUEST = "the userToken was signed for another anonymousId than the event's anonymousId or previousId"


@dataclass
class Guard:
    """What one beacon may say of a project's users. `trusted` is a sender with the project's secret key."""

    verifier: Verifier
    trusted: bool
    _checks: int = 0
    _proven: dict[tuple[str, str], str] = field(default_factory=dict)  # SDKs repeat one token in each context

    def admit(self, raw: Mapping[str, Any], event: Event) -> Event:
        """The event, marked if nothing proves the user it names. Raises InvalidEvent."""
        if not event.user_id:
            return event  # a guest
        token = token_of(raw.get(TOKEN), raw.get("context"))
        if token:
            guest = self._proven.get((token, event.user_id)) if type(token) is str else None
            if guest is None:
                self._checks += 1
                if self._checks > MAX_BEACON_TOKENS:
                    raise InvalidEvent(Reason.TOKEN_INVALID, TOO_MANY)
                guest = self.verifier.check(token, event.user_id)
                self._proven[str(token), event.user_id] = guest
            # Who knows another visitor's anonymousId must not make that guest a part of themselves.
            if guest and any(sent and guest_id(sent) != guest for sent in (event.anonymous_id, event.previous_id)):
                raise InvalidEvent(Reason.TOKEN_WRONG_GUEST, WRONG_GUEST)
            return event
        if self.trusted or not self.verifier.required:
            return event
        if event.type in PROVEN:
            raise InvalidEvent(Reason.TOKEN_MISSING, MISSING)
        return replace(event, unverified=True)


def token_of(token: object, context: object) -> object:
    """`token` stood in the envelope."""
    if token is None and type(context) is dict:
        return context.get(TOKEN)
    return token
