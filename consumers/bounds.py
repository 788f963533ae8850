"""What one user and one conversation may gather: beyond a bound new facts are left out and counted, never the event.

Facts are added without reading what is there. So one round adds half a bound at the most, each round looks up how much
its users and conversations have, and reads the names and guests only of those who have the other half. Guests are users
of their own here, with smaller bounds, as many of them may become one user.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from consumers.folds.conversations import ConversationFacts
from consumers.folds.records import Placed, user_key
from consumers.folds.talk import Talk
from consumers.folds.users import UserFacts
from consumers.keys import RoundKeys, among
from schemas.reasons import LeftOut
from warehouse.connect import Warehouse

MAX_USER_TRAITS = 1_000  # names
MAX_GUEST_TRAITS = 100
MAX_USER_GUESTS = 500  # anonymous ids that are one user
MAX_USER_ACTIVITY = 100_000  # conversations, questions, answers and ratings together, and what one round adds at last
MAX_GUEST_ACTIVITY = 2_000
MAX_CONVERSATION_ACTIVITY = 10_000  # questions, answers and ratings together, likewise

Key = tuple[str, str]  # project, user or conversation

SIZES = f"""
SELECT 'user', project_id, id, argMax(trait_names, _version) AS traits,
       argMax(length(anonymous_ids), _version) AS guests,
       argMax(conversations + questions + answers + rating_count, _version) AS activity
FROM user_rows WHERE {among("project_id", "id", "user")}
GROUP BY project_id, id
HAVING traits >= if(startsWith(id, 'g-'), {MAX_GUEST_TRAITS // 2}, {MAX_USER_TRAITS // 2})
    OR guests >= {MAX_USER_GUESTS // 2}
    OR activity >= if(startsWith(id, 'g-'), {MAX_GUEST_ACTIVITY}, {MAX_USER_ACTIVITY})
UNION ALL
SELECT 'conversation', project_id, id, 0, 0, argMax(questions + answers + rating_count, _version) AS activity
FROM conversation_rows WHERE {among("project_id", "id", "conversation")}
GROUP BY project_id, id
HAVING activity >= {MAX_CONVERSATION_ACTIVITY}
"""
KNOWN = f"""
SELECT project_id, user_id, groupUniqArrayArray({MAX_USER_TRAITS})(mapKeys(traits)),
       groupUniqArrayArray({MAX_USER_GUESTS})(anonymous_ids)
FROM user_facts WHERE {among("project_id", "user_id", "heavy")}
GROUP BY project_id, user_id
"""


class Gathered(NamedTuple):
    """The names of traits and the anonymous ids that a user has already."""

    traits: Collection[str] = ()
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
        known = self.users.get(key, NOTHING).traits
        traits = facts.traits
        most = _most_traits(key)
        if len(traits) + len(known) > most // 2:
            new = [name for name in traits if name not in known]
            dropped = set(new[max(min(most // 2, most - len(known)), 0) :])
            self.left_out[LeftOut.TOO_MANY_TRAITS] += len(dropped)
            traits = {name: fact for name, fact in traits.items() if name not in dropped}
        if key in self.talkers:
            self.left_out[LeftOut.TOO_MUCH_ACTIVITY] += len(facts.conversations) + facts.talk.size
            return facts._replace(traits=traits, conversations=(), talk=Talk())
        return facts._replace(traits=traits) if traits is not facts.traits else facts

    def cut_conversation(self, key: Key, facts: ConversationFacts) -> ConversationFacts:
        if key not in self.conversations:
            return facts
        self.left_out[LeftOut.TOO_MUCH_ACTIVITY] += facts.talk.size
        return facts._replace(talk=Talk())


NOTHING = Gathered()


def _most_traits(key: Key) -> int:
    return MAX_GUEST_TRAITS if key[1].startswith("g-") else MAX_USER_TRAITS


def read_heavy(warehouse: Warehouse, users: Collection[Key], conversations: Collection[Key]) -> Heavy:
    """Of one page of users and conversations, whose keys fit a round's table."""
    keys = RoundKeys(warehouse)
    keys.add("user", users)
    keys.add("conversation", conversations)
    keys.store()
    heavy = Heavy()
    for kind, project_id, id, traits, guests, activity in warehouse.query(SIZES, {"round": keys.round}):
        key = project_id, id
        if kind == "conversation":
            heavy.conversations.add(key)
            continue
        if traits >= _most_traits(key) // 2 or guests >= MAX_USER_GUESTS // 2:
            heavy.users[key] = NOTHING
        if activity >= (MAX_GUEST_ACTIVITY if id.startswith("g-") else MAX_USER_ACTIVITY):
            heavy.talkers.add(key)
    if heavy.users:
        keys.add("heavy", heavy.users)
        keys.store()
        for project_id, user_id, traits, guests in warehouse.query(KNOWN, {"round": keys.round}):
            if (project_id, user_id) in heavy.users:
                heavy.users[project_id, user_id] = Gathered(frozenset(traits), frozenset(guests))
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
