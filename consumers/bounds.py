"""What one user and one conversation may gather: beyond a bound new facts are left out and counted, never the event.

Facts are added without reading what is there. So one round adds half a bound at the most, each round looks up how much
its users and conversations have, and reads the names and guests only of those who have the other half. Guests are users
of their own here, with smaller bounds, as many of them may become one user.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from consumers.folds.conversations import ConversationFacts
from consumers.folds.records import Placed, user_key
from consumers.folds.talk import Talk
from consumers.folds.users import Traits, UserFacts
from consumers.keys import RoundKeys, among
from schemas.ids import utf8_bytes
from schemas.reasons import LeftOut
from warehouse.connect import Warehouse

MAX_TRAIT_NAME_CHARS = 255
MAX_USER_TRAITS = 1_000  # names
MAX_GUEST_TRAITS = 100
MAX_USER_TRAIT_BYTES = 128_000  # of names and values together
MAX_GUEST_TRAIT_BYTES = 16_000
MAX_USER_GUESTS = 500  # anonymous ids that are one user
MAX_USER_ACTIVITY = 100_000  # conversations, questions, answers and ratings together, and what one round adds at last
MAX_GUEST_ACTIVITY = 2_000
MAX_CONVERSATION_ACTIVITY = 10_000  # questions, answers and ratings together, likewise

Key = tuple[str, str]  # project, user or conversation

SIZES = f"""
SELECT 'user', project_id, id,
       argMax(trait_names, _version) >= if(startsWith(id, 'g-'), {MAX_GUEST_TRAITS // 2}, {MAX_USER_TRAITS // 2})
       OR argMax(trait_bytes, _version) >= if(startsWith(id, 'g-'), {MAX_GUEST_TRAIT_BYTES // 2},
                                              {MAX_USER_TRAIT_BYTES // 2})
       OR argMax(length(anonymous_ids), _version) >= {MAX_USER_GUESTS // 2} AS is_near,
       argMax(conversations + questions + answers + rating_count, _version)
           >= if(startsWith(id, 'g-'), {MAX_GUEST_ACTIVITY}, {MAX_USER_ACTIVITY}) AS is_full
FROM user_rows WHERE {among("project_id", "id", "user")}
GROUP BY project_id, id
HAVING is_near OR is_full
UNION ALL
SELECT 'conversation', project_id, id, false, true
FROM conversation_rows WHERE {among("project_id", "id", "conversation")}
GROUP BY project_id, id
HAVING argMax(questions + answers + rating_count, _version) >= {MAX_CONVERSATION_ACTIVITY}
"""
KNOWN = f"""
SELECT project_id, user_id, mapApply((name, fact) -> (name, length(name) + length(fact.2)), maxMap(traits)),
       groupUniqArrayArray({MAX_USER_GUESTS})(anonymous_ids)
FROM user_facts WHERE {among("project_id", "user_id", "heavy")}
GROUP BY project_id, user_id
"""


class Gathered(NamedTuple):
    """What a user has already."""

    traits: Mapping[str, int] = {}  # bytes, by name
    guests: Collection[str] = ()


@dataclass
class Heavy:
    """Who of a round has come near a bound; of all others there is room for what one round adds."""

    users: dict[Key, Gathered] = field(default_factory=dict)
    talkers: set[Key] = field(default_factory=set)  # users who have MAX_USER_ACTIVITY
    conversations: set[Key] = field(default_factory=set)  # that have MAX_CONVERSATION_ACTIVITY
    left_out: Counter[str] = field(default_factory=Counter)  # facts, by LeftOut

    def guests_of(self, events: Iterable[Placed]) -> set[tuple[str, str, str]]:
        """(project, user, anonymous id) of the pairs that are one guest too many: they are not linked."""
        seen: dict[Key, set[str]] = {}
        refused = set()
        for placed in events:
            if not placed.event.user_id:
                continue
            key = user_key(placed)
            for sent in (placed.event.anonymous_id, placed.event.previous_id):
                known = self.users.get(key, NOTHING).guests
                new = seen.setdefault(key, set())
                if not sent or sent in known or sent in new:
                    continue
                if len(new) >= MAX_USER_GUESTS // 2 or len(known) + len(new) >= MAX_USER_GUESTS:
                    refused.add((*key, sent))
                else:
                    new.add(sent)
        self.left_out[LeftOut.TOO_MANY_GUESTS] += len(refused)
        return refused

    def cut_user(self, key: Key, facts: UserFacts) -> UserFacts:
        if facts.traits:
            facts = facts._replace(traits=self._cut_traits(key, facts.traits))
        if key in self.talkers:
            self.left_out[LeftOut.TOO_MUCH_ACTIVITY] += len(facts.conversations) + facts.talk.size
            return facts._replace(conversations=(), talk=Talk())
        return facts

    def _cut_traits(self, key: Key, traits: Traits) -> Traits:
        known = self.users.get(key, NOTHING).traits
        most_names, most_bytes = GUEST_TRAITS if key[1].startswith("g-") else USER_TRAITS
        names_left = min(most_names // 2, most_names - len(known))
        bytes_left = min(most_bytes // 2, most_bytes - sum(known.values()))
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


def read_heavy(warehouse: Warehouse, users: Collection[Key], conversations: Collection[Key]) -> Heavy:
    """Of one page of users and conversations, whose keys fit a round's table."""
    keys = RoundKeys(warehouse)
    keys.add("user", users)
    keys.add("conversation", conversations)
    keys.store()
    heavy = Heavy()
    for kind, project_id, id, is_near, is_full in warehouse.query(SIZES, {"round": keys.round}):
        key = project_id, id
        if kind == "conversation":
            heavy.conversations.add(key)
            continue
        if is_near:
            heavy.users[key] = NOTHING
        if is_full:
            heavy.talkers.add(key)
    if heavy.users:
        keys.add("heavy", heavy.users)
        keys.store()
        for project_id, user_id, traits, guests in warehouse.query(KNOWN, {"round": keys.round}):
            if (project_id, user_id) in heavy.users:
                heavy.users[project_id, user_id] = Gathered(traits, frozenset(guests))
    keys.check()
    return heavy


def merged(parts: Iterable[Heavy]) -> Heavy:
    """What the pages of a round found."""
    whole = Heavy()
    for part in parts:
        whole.users.update(part.users)
        whole.talkers |= part.talkers
        whole.conversations |= part.conversations
    return whole
