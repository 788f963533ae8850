"""What one user and one conversation may gather: beyond a bound new facts are left out and counted, never the event.

Facts are added without reading what is there. So one round adds half a bound at the most, each round looks up how much
its users and conversations have, and reads the names and guests only of those who have the other half. Guests are users
of their own here, with smaller bounds, as many of them may become one user.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ask0.consumers.folds.conversation_stats import Talk
from ask0.consumers.folds.conversations import ConversationFacts
from ask0.consumers.folds.records import Placed, user_key
from ask0.consumers.folds.users import Traits, UserFacts, trait_names
from ask0.consumers.tables.round_keys import RoundKeys, among
from ask0.schemas.ids import guest_id, utf8_bytes
from ask0.schemas.reasons import LeftOut
from ask0.schemas.user_changes import MAX_USER_TAGS
from ask0.warehouse.connect import Warehouse

MAX_TRAIT_NAME_CHARS = 255
MAX_USER_TRAITS = 1_000  # names
MAX_GUEST_TRAITS = 100
MAX_USER_TRAIT_BYTES = 128_000  # of names and values together
MAX_GUEST_TRAIT_BYTES = 16_000
MAX_USER_GUESTS = 500  # anonymous ids that are one user
MAX_USER_ACTIVITY = 100_000  # conversations, questions, answers and ratings together, and what one round adds at last
MAX_GUEST_ACTIVITY = 2_000
MAX_CONVERSATION_ACTIVITY = 10_000  # questions, answers and ratings together, likewise

NEAR_AT_ONCE = 200  # users near a bound, of whom each may have many names

Key = tuple[str, str]  # project, user or conversation

SIZES = f"""
SELECT 'user', project_id, id,
       argMax(trait_names, _version) >= if(startsWith(id, 'g-'), {MAX_GUEST_TRAITS // 2}, {MAX_USER_TRAITS // 2})
       OR argMax(trait_bytes, _version) >= if(startsWith(id, 'g-'), {MAX_GUEST_TRAIT_BYTES // 2},
                                              {MAX_USER_TRAIT_BYTES // 2})
       OR argMax(length(anonymous_ids), _version) >= {MAX_USER_GUESTS // 2} AS is_near,
       argMax(conversations + questions + answers + rating_count, _version)
           >= if(startsWith(id, 'g-'), {MAX_GUEST_ACTIVITY}, {MAX_USER_ACTIVITY}) AS is_full,
       argMax(tag_names, _version) >= {MAX_USER_TAGS} AS is_tagged,
       argMax(length(anonymous_ids), _version) >= {MAX_USER_GUESTS} AS is_crowded
FROM user_rows WHERE {among("project_id", "id", "user")}
GROUP BY project_id, id
HAVING is_near OR is_full OR is_tagged
UNION ALL
SELECT 'conversation', project_id, id, false, true, false, false
FROM conversation_rows WHERE {among("project_id", "id", "conversation")}
GROUP BY project_id, id
HAVING argMax(questions + answers + rating_count, _version) >= {MAX_CONVERSATION_ACTIVITY}
"""
KNOWN = f"""
SELECT project_id, user_id, mapApply((name, fact) -> (name, length(name) + length(fact.2)), maxMap(traits)),
       groupUniqArrayArray({MAX_USER_GUESTS})(anonymous_ids)
FROM user_facts WHERE {among("project_id", "user_id", "near")}
GROUP BY project_id, user_id
"""


class Gathered(NamedTuple):
    """What a user has already. A round keeps of it what its events mention: names of traits and anonymous ids may be
    many, and so may such users."""

    names: int = 0
    bytes: int = 0
    guests: int = 0
    known_traits: Mapping[str, int] = {}  # bytes, by name
    known_guests: Collection[str] = ()


@dataclass
class Heavy:
    """Who of a round has come near a bound; of all others there is room for what one round adds."""

    users: dict[Key, Gathered] = field(default_factory=dict)
    talkers: set[Key] = field(default_factory=set)  # users who have MAX_USER_ACTIVITY
    tagged: set[Key] = field(default_factory=set)  # users who have MAX_USER_TAGS
    crowded: set[Key] = field(default_factory=set)  # users who have MAX_USER_GUESTS, with those merged into them
    conversations: set[Key] = field(default_factory=set)  # that have MAX_CONVERSATION_ACTIVITY
    left_out: Counter[str] = field(default_factory=Counter)  # facts, by LeftOut

    def guests_of(self, events: Iterable[Placed]) -> set[tuple[str, str, str]]:
        """(project, user, anonymous id) of the pairs that are one guest too many: they are not linked."""
        seen: dict[Key, set[str]] = {}
        refused = set()
        for placed in self._with_many_guests(events):
            key = user_key(placed)
            has = self.users.get(key, NOTHING)
            new = seen.setdefault(key, set())
            for sent in (placed.event.anonymous_id, placed.event.previous_id):
                if not sent or sent in has.known_guests or sent in new:
                    continue
                if key in self.crowded or len(new) >= min(MAX_USER_GUESTS // 2, MAX_USER_GUESTS - has.guests):
                    refused.add((*key, sent))
                else:
                    new.add(sent)
        self.left_out[LeftOut.TOO_MANY_GUESTS] += len(refused)
        return refused

    def _with_many_guests(self, events: Iterable[Placed]) -> list[Placed]:
        """The events of users of whom one round may bring too many guests."""
        own = [placed for placed in events if placed.event.user_id]
        ids = [placed.user_id or guest_id(placed.event.anonymous_id) for placed in own]
        many = MAX_USER_GUESTS // 4  # as each event names two
        busy = {id for id, count in Counter(ids).items() if count > many}
        if not (busy or self.users or self.crowded):
            return []
        return [p for p in own if (key := user_key(p))[1] in busy or key in self.users or key in self.crowded]

    def cut_user(self, key: Key, facts: UserFacts) -> UserFacts:
        if facts.traits and (key in self.users or not _are_few(facts.traits)):
            facts = facts._replace(traits=self._cut_traits(key, facts.traits))
        if facts.tags and key in self.tagged:
            self.left_out[LeftOut.TOO_MANY_TAGS] += len(facts.tags)
            facts = facts._replace(tags={})
        if key in self.talkers:
            self.left_out[LeftOut.TOO_MUCH_ACTIVITY] += len(facts.conversations) + facts.talk.size
            return facts._replace(conversations=(), talk=Talk())
        return facts

    def _cut_traits(self, key: Key, traits: Traits) -> Traits:
        has = self.users.get(key, NOTHING)
        known = has.known_traits
        most_names, most_bytes = GUEST_TRAITS if key[1].startswith("g-") else USER_TRAITS
        names_left = min(most_names // 2, most_names - has.names)
        bytes_left = min(most_bytes // 2, most_bytes - has.bytes)
        kept = {}
        for name, fact in traits.items():
            if len(name) > MAX_TRAIT_NAME_CHARS:
                self.left_out[LeftOut.NAME_TOO_LONG] += 1
                continue
            added = name not in known
            grown = max(utf8_bytes(name) + utf8_bytes(fact[1]) - known.get(name, 0), 0)
            if (added and names_left <= 0) or (grown and grown > bytes_left):
                self.left_out[LeftOut.TOO_MANY_TRAITS] += 1
                continue
            names_left -= added
            bytes_left -= grown
            kept[name] = fact
        return kept

    def cut_conversation(self, key: Key, facts: ConversationFacts) -> ConversationFacts:
        if key not in self.conversations:
            return facts
        self.left_out[LeftOut.TOO_MUCH_ACTIVITY] += facts.talk.size
        return facts._replace(talk=Talk())


NOTHING = Gathered()
USER_TRAITS = MAX_USER_TRAITS, MAX_USER_TRAIT_BYTES
GUEST_TRAITS = MAX_GUEST_TRAITS, MAX_GUEST_TRAIT_BYTES


def _are_few(traits: Traits) -> bool:
    """Whether there is room for them whoever has them, unless they are near a bound."""
    if len(traits) > MAX_GUEST_TRAITS // 2:
        return False
    characters = 0
    for name, fact in traits.items():
        if len(name) > MAX_TRAIT_NAME_CHARS:
            return False
        characters += len(name) + len(fact[1])
    return 4 * characters <= MAX_GUEST_TRAIT_BYTES // 2  # as UTF-8 takes no more


def add_gatherers(keys: RoundKeys, events: Collection[Placed]) -> None:
    """The users and conversations of one page of events, as the round's sets `user` and `conversation`."""
    keys.add("user", {key for placed in events for key in _may_gather(placed)})
    keys.add("conversation", {(p.record.project_id, id) for p in events if (id := p.event.conversation_id)})


def read_heavy(warehouse: Warehouse, keys: RoundKeys, events: Collection[Placed]) -> Heavy:
    """Of one page of events, whose gatherers are in the round's sets. The caller checks the keys."""
    heavy = Heavy()
    for kind, project_id, id, is_near, is_full, is_tagged, is_crowded in warehouse.query(SIZES, {"round": keys.round}):
        key = project_id, id
        if kind == "conversation":
            heavy.conversations.add(key)
            continue
        if is_near:
            heavy.users[key] = NOTHING
        if is_full:
            heavy.talkers.add(key)
        if is_tagged:
            heavy.tagged.add(key)
        if is_crowded:
            heavy.crowded.add(key)
    near = list(heavy.users)
    for start in range(0, len(near), NEAR_AT_ONCE):
        heavy.users |= _read_near(warehouse, set(near[start : start + NEAR_AT_ONCE]), events)
    return heavy


def read_shared(warehouse: Warehouse, roots: Mapping[Key, str]) -> Heavy:
    """What those who were merged into somebody may not add to, as the one who is left has enough of it."""
    heavy = Heavy()
    keys = RoundKeys(warehouse)
    keys.add("user", {(project_id, root) for (project_id, _), root in roots.items()})
    keys.store()
    full = {(row[1], row[2]): row[4:] for row in warehouse.query(SIZES, {"round": keys.round})}
    keys.check()
    for key, root in roots.items():
        is_full, is_tagged, is_crowded = full.get((key[0], root), (False, False, False))
        heavy.talkers |= {key} if is_full else set()
        heavy.tagged |= {key} if is_tagged else set()
        heavy.crowded |= {key} if is_crowded else set()
    return heavy


def _may_gather(placed: Placed) -> Iterator[Key]:
    """Whose facts an event adds to; one without proof may turn out to be its guest's."""
    yield user_key(placed)
    if placed.event.unverified:
        yield placed.record.project_id, guest_id(placed.event.anonymous_id)


def _read_near(warehouse: Warehouse, users: set[Key], events: Iterable[Placed]) -> dict[Key, Gathered]:
    own: dict[Key, list[Placed]] = {}
    for placed in events:
        for key in _may_gather(placed):
            if key in users:
                own.setdefault(key, []).append(placed)
    keys = RoundKeys(warehouse)
    keys.add("near", users)
    keys.store()
    near = {}
    for project_id, user_id, traits, guests in warehouse.query(KNOWN, {"round": keys.round}):
        key = project_id, user_id
        if key in users:
            traits_said = {name for placed in own[key] for name in trait_names(placed)}
            said = (placed.event for placed in own[key])
            guests_said = {sent for event in said for sent in (event.anonymous_id, event.previous_id)}
            near[key] = Gathered(
                names=len(traits),
                bytes=sum(traits.values()),
                guests=len(guests),
                known_traits={name: traits[name] for name in traits_said & traits.keys()},
                known_guests=guests_said.intersection(guests),
            )
    keys.check()
    return near


def merged(parts: Iterable[Heavy]) -> Heavy:
    """What the pages of a round found."""
    whole = Heavy()
    for part in parts:
        whole.users.update(part.users)
        whole.talkers |= part.talkers
        whole.tagged |= part.tagged
        whole.crowded |= part.crowded
        whole.conversations |= part.conversations
    return whole
