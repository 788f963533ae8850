"""Consent in force: of a chunk's events those that the people they are of allow, in the order in which they came.

What counts for an event is what was chosen before it on its partition, and by itself. Whose choices count: the user's
and, from when they are known to be this user, the guests'; those of users who are merged count for each other.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from ask0.consumers.folds.records import NOTHING, Placed
from ask0.consumers.folds.users import choices
from ask0.schemas.consent import ANALYTICS, BEHAVIOUR, IN_FORCE, STATES, STORE
from ask0.schemas.conversations import KEPT_TEXTS
from ask0.schemas.events import MAX_ID_CHARS, Event
from ask0.schemas.ids import guest_id
from ask0.schemas.user_changes import CHANGE, UserChange, encode

Owner = tuple[str, str]  # project, and the user or a guest who is none
Choice = tuple[int, int]  # (time, state); of two the greater stands, as among the facts
Place = tuple[Owner, str]  # whose, and of which category

SILENT: Choice = (0, 0)
DENIED = STATES["denied"]
NAMES = {number: name for name, number in STATES.items()}


class Heard(NamedTuple):
    owner: Owner | None  # whose the event is
    links: bool  # whether it says which user a guest is, and no event before has


class Judge:
    """Of one chunk, whose events it is shown in their order."""

    def __init__(
        self,
        start: Mapping[Place, Choice],
        links: Mapping[Owner, str],
        families: Mapping[Owner, Collection[Owner]],
        enforces: Callable[[str], bool],
    ) -> None:
        """`links` are users by their guests, `families` users who are merged; both as they were before the chunk.
        `enforces` says in which projects analytics is in force."""
        self.now = dict(start)
        self.said: set[Place] = set()  # by events themselves
        self._links = dict(links)
        self._families = families
        self._enforces = enforces

    def hears(self, placed: Placed) -> Heard:
        """What the event says of consent, and who is who, is taken in."""
        owner, guests = whose(placed, self._links)
        if owner is None:
            return Heard(None, links=False)
        new = False
        for guest in guests:
            for category in IN_FORCE:
                self._add((owner, category), self.now.get((guest, category), SILENT))
            if guest not in self._links and not placed.event.unverified:
                self._links[guest] = owner[1]
                new = True
        for category, choice in choices(placed).items():
            if category in IN_FORCE:
                self.said.add((owner, category))
                self._add((owner, category), choice)
        return Heard(owner, new)

    def drops(self, placed: Placed, owner: Owner) -> bool:
        return placed.event.type in BEHAVIOUR and self._enforces(owner[0]) and self._denies(owner, ANALYTICS)

    def silences(self, placed: Placed, owner: Owner) -> bool:
        return is_talk(placed) and self._denies(owner, STORE)

    def _denies(self, owner: Owner, category: str) -> bool:
        family = self._families.get(owner, (owner,))
        return max(self.now.get((one, category), SILENT) for one in family)[1] == DENIED

    def _add(self, place: Place, choice: Choice) -> None:
        if choice > self.now.get(place, SILENT):
            self.now[place] = choice


def whose(placed: Placed, links: Mapping[Owner, str]) -> tuple[Owner | None, list[Owner]]:
    """Whose choices count for an event, and guests of the event who are this user: none of theirs is another's."""
    project_id, event = placed.record.project_id, placed.event
    if not placed.user_id:
        if not event.anonymous_id:
            return None, []
        guest = project_id, guest_id(event.anonymous_id)
        return ((project_id, links[guest]), [guest]) if guest in links else (guest, [])
    guests = [(project_id, guest_id(sent)) for sent in (event.anonymous_id, event.previous_id) if sent]
    return (project_id, placed.user_id), [one for one in guests if links.get(one, placed.user_id) == placed.user_id]


def denials(placed: Placed) -> Iterator[str]:
    """Categories in force that an event denies."""
    for category, (_, state) in choices(placed).items():
        if state == DENIED and category in IN_FORCE:
            yield category


def is_talk(placed: Placed) -> bool:
    """An event of a conversation, whether or not the product understands it."""
    return placed.event.type == "track" and (placed.said is not NOTHING or bool(placed.event.conversation_id))


def without_texts(placed: Placed) -> Placed:
    """The event with numbers, booleans and names alone among its properties."""
    try:
        given = msgspec.json.decode(placed.event.properties)
    except msgspec.MsgspecError:
        given = {}
    said = {name: value for name, value in given.items() if _is_no_text(name, value)} if type(given) is dict else {}
    event = replace(placed.event, properties=msgspec.Raw(msgspec.json.encode(said)))
    return replace(placed, event=event, said=NOTHING if placed.said is NOTHING else said)


def keepsake(placed: Placed, *, links: bool) -> Placed | None:
    """Of an event that is dropped what is kept all the same, as a change: what it says of consent, and who is who; None
    if that is nothing."""
    said = choices(placed)
    if not said and not links:
        return None
    at = max((at for at, _ in said.values()), default=placed.occurred_at)
    event = Event(
        type=CHANGE,
        message_id=placed.event.message_id,
        timestamp=at,
        user_id=placed.user_id,
        anonymous_id=placed.event.anonymous_id,
        properties=encode(UserChange(consent={category: NAMES[state] for category, (_, state) in said.items()})),
        unverified=placed.event.unverified,
    )
    return replace(placed, event=event, occurred_at=at, said=NOTHING)


def _is_no_text(name: str, value: Any) -> bool:
    if type(value) is str:
        return name in KEPT_TEXTS and len(value) <= MAX_ID_CHARS
    return value is None or type(value) in (bool, int, float)
