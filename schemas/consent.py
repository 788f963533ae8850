"""What a person allows: by category granted, pending or denied, as an event's `context.consent` says it."""

from collections.abc import Iterable, Mapping
from itertools import islice

# Numbers as in `user_facts`: of two choices made at once the greater, stricter one stays.
STATES = {"granted": 1, "pending": 2, "denied": 3}
GPC_DENIES = ("personalization", "marketing")  # with Global Privacy Control, until the person chooses otherwise

ANALYTICS = "analytics"  # denied: what the person does is not stored, where the project has that in force
PERSONALIZATION = "personalization"  # denied: pages get no traits, likewise
STORE = "storeconversations"  # denied: what is said in their conversations is not stored, in every project
IN_FORCE = (ANALYTICS, STORE)  # what the worker goes by
BEHAVIOUR = frozenset(("track", "page", "screen"))  # types of events that say what somebody does

# What people prefer is kept as consent is, each under its name in small letters: granted is yes, denied is no.
PREFERENCES = (
    "storeConversations",
    "shareWithTeam",
    "useForTraining",
    "emailUpdates",
    "productNews",
    "supportFollowUps",
)

SEGMENT = "categoryPreferences"  # holds {"Advertising": true, …}
MAX_CATEGORIES = 32  # in each of the two forms; what is over, or longer, is left out
MAX_CATEGORY_CHARS = 64


def read_consent(consent: object) -> dict[str, int]:
    """The state of each category, from Ask0's form or Segment's. Whatever is malformed says nothing."""
    states: dict[str, int] = {}
    if type(consent) is not dict:
        return states
    preferences = consent.get(SEGMENT)
    if type(preferences) is dict:
        given = islice(preferences.items(), MAX_CATEGORIES)
        _add(states, ((name, "granted" if value else "denied") for name, value in given if type(value) is bool))
    own = ((name, value) for name, value in consent.items() if name != SEGMENT)
    _add(states, ((name, value) for name, value in islice(own, MAX_CATEGORIES) if type(value) is str))
    return states


def preferences_of(consent: Mapping[str, str]) -> dict[str, bool | None]:
    """Of what is granted and denied, by category; null of what nobody has said."""
    says = {"granted": True, "denied": False}
    return {name: says.get(consent.get(name.lower(), "")) for name in PREFERENCES}


def _add(states: dict[str, int], given: Iterable[tuple[str, str]]) -> None:
    for name, value in given:
        category, state = name.strip().lower(), STATES.get(value, 0)
        if state and 0 < len(category) <= MAX_CATEGORY_CHARS:
            states[category] = max(state, states.get(category, 0))
