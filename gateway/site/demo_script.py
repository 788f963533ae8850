"""Conversations as the events a site would have sent: who had them, when, and every turn. Deterministic for a seed."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from random import Random
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

from ask0.schemas import conversations as names
from ask0.schemas.events import write_time

DAY_MS = 86_400_000
SPREAD_DAYS = 90
GUESTS_FIRST = 0.3  # share of the users who ask before they log in
RATED = 0.4  # share of the conversations that get feedback

FIRST_NAMES = ("Ada", "Ben", "Chloe", "Dan", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Mai")
LAST_NAMES = ("Adler", "Brown", "Costa", "Diaz", "Eriksen", "Fischer", "Garcia", "Hansen", "Ito", "Jansen", "Kaya")
COMPANIES = ("Acme", "Globex", "Initech", "Umbrella", "Hooli", "Stark", "Wayne", "Wonka")
PLANS = ("free", "free", "free", "starter", "starter", "pro", "enterprise")
ROLES = ("admin", "developer", "analyst", "support", "manager")

Event = dict[str, Any]


class Turn(msgspec.Struct, frozen=True):
    role: Literal["user", "assistant"]
    text: str
    acts: frozenset[str] = frozenset()
    intent: str | None = None


class Conversation(msgspec.Struct, frozen=True):
    """One line of a conversations file."""

    id: str
    turns: list[Turn]
    services: list[str] = []

    @property
    def topic(self) -> str | None:
        """`RentalCars_1` is about RentalCars."""
        if not self.services:
            return None
        domain, _, suffix = self.services[0].rpartition("_")
        return domain if domain and suffix.isdigit() else self.services[0]


class Scene:
    """One conversation of one person: hands out the events in order, each with its time, id and identity."""

    def __init__(self, conversation: Conversation, person: int, seed: int) -> None:
        self.conversation = conversation
        self._random = Random(f"{seed}:{conversation.id}")
        self._gaps = [
            self._random.randrange(4_000, 60_000) if turn.role == "user" else self._random.randrange(600, 6_000)
            for turn in conversation.turns
        ]
        self.length = sum(self._gaps) + 30_000
        self._seed = seed
        self._person = Person(person, seed)
        self._asked = ""  # the messageId of the last question

    def events(self, start: int, *, first: bool) -> Iterator[Event]:
        """`first` is the person's first conversation: they log in before it, or in the middle of it."""
        turns = self.conversation.turns
        login_at = self._person.login_turn(len(turns)) if first else -1
        now = start
        if login_at == 0:
            yield self._identify(now)
        guest = login_at > 0
        title = next((turn.text[:80] for turn in turns if turn.role == "user"), None)
        yield self._track(names.STARTED, now, 0, guest, title=title, channel="web", topic=self.conversation.topic)
        for number, (turn, gap) in enumerate(zip(turns, self._gaps, strict=True), 1):
            now += gap
            yield self._turn(turn, now, number, gap, guest)
            if number == login_at:
                guest = False
                yield self._identify(now + 500)
        if self._random.random() < RATED:
            failed = any("NOTIFY_FAILURE" in turn.acts for turn in turns)
            thumbs = "down" if self._random.random() < (0.7 if failed else 0.1) else "up"
            yield self._track(names.FEEDBACK, now + 10_000, 0, guest, thumbs=thumbs)
        yield self._track(names.CLOSED, now + 20_000, 0, guest, status=_outcome(turns))

    def _turn(self, turn: Turn, now: int, number: int, gap: int, guest: bool) -> Event:
        if turn.role == "user":
            topic = self.conversation.topic
            asked = self._track(names.QUESTION, now, number, guest, text=turn.text, topic=topic, intent=turn.intent)
            self._asked = str(asked["messageId"])
            return asked
        told = {"text": turn.text, "answered": "NOTIFY_FAILURE" not in turn.acts, "latencyMs": gap}
        return self._track(names.ANSWER, now, number, guest, **told, inReplyTo=self._asked or None)

    def _track(self, event: str, now: int, number: int, guest: bool, **properties: object) -> Event:
        given = {key: value for key, value in properties.items() if value is not None}
        return {
            "type": "track",
            "event": event,
            **({} if guest else {"userId": self._person.user_id}),
            "anonymousId": self._person.anonymous_id,
            "messageId": _id(self._seed, self.conversation.id, event, number),
            "timestamp": write_time(now),
            "properties": {"conversationId": self.conversation.id, **given},
        }

    def _identify(self, now: int) -> Event:
        return {
            "type": "identify",
            "userId": self._person.user_id,
            "anonymousId": self._person.anonymous_id,
            "messageId": _id(self._seed, self._person.user_id, "identify"),
            "timestamp": write_time(now),
            "traits": self._person.traits(now),
        }


class Person:
    """One of the demo's users, made up from the seed and a number."""

    def __init__(self, number: int, seed: int) -> None:
        self.user_id = f"demo-{number + 1}"
        self.anonymous_id = _id(seed, "browser", number)
        self._random = Random(f"{seed}:person:{number}")

    def login_turn(self, turns: int) -> int:
        """After which turn of the first conversation they log in; 0 for before it."""
        return self._random.randrange(1, turns + 1) if turns and self._random.random() < GUESTS_FIRST else 0

    def traits(self, now: int) -> dict[str, str]:
        choose = self._random.choice
        first, last, company = choose(FIRST_NAMES), choose(LAST_NAMES), choose(COMPANIES)
        return {
            "name": f"{first} {last}",
            "email": f"{first}.{last}.{self.user_id}@{company}.example".lower(),
            "company": company,
            "plan": choose(PLANS),
            "role": choose(ROLES),
            "createdAt": write_time(now - self._random.randrange(SPREAD_DAYS * DAY_MS)),
        }


def play(conversations: Sequence[Conversation], users: int, seed: int, until: int) -> Iterator[list[Event]]:
    """The events of each conversation, in the order they began. Everyone talks at least once, if there is enough."""
    random = Random(seed)
    people = [*range(min(users, len(conversations)))]
    people += random.choices(range(users), k=len(conversations) - len(people))
    random.shuffle(people)
    scenes = [Scene(conversation, person, seed) for conversation, person in zip(conversations, people, strict=True)]
    starts = [until - scene.length - random.randrange(SPREAD_DAYS * DAY_MS) for scene in scenes]
    seen: set[int] = set()
    for index in sorted(range(len(scenes)), key=starts.__getitem__):
        yield list(scenes[index].events(starts[index], first=people[index] not in seen))
        seen.add(people[index])


def sample(rounds: int) -> list[Conversation]:
    """The scripted conversations, each had so many times."""
    lines = files("ask0.gateway.site").joinpath("sample.jsonl").read_bytes().splitlines()
    scripts = [msgspec.json.decode(line, type=Conversation) for line in lines]
    return [
        msgspec.structs.replace(script, id=f"{script.id}-{take}") for take in range(1, rounds + 1) for script in scripts
    ]


def _outcome(turns: Sequence[Turn]) -> str:
    last = turns[-1].acts if turns else frozenset()
    if last & {"GOODBYE", "THANK_YOU"}:
        return "resolved"
    return "escalated" if "NOTIFY_FAILURE" in last else "abandoned"


def _id(*parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, ":".join(["ask0-demo", *map(str, parts)])))
