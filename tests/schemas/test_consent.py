"""Consent in an event's context: Ask0's form, Segment's, and whatever else stands there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.consent import MAX_CATEGORIES, MAX_CATEGORY_CHARS, STATES, read_consent

GRANTED, PENDING, DENIED = STATES.values()

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(list(STATES)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("categoryPreferences"), inner),
)


@pytest.mark.parametrize(
    ("consent", "states"),
    [
        ({"analytics": "granted", "marketing": "pending"}, {"analytics": GRANTED, "marketing": PENDING}),
        ({"categoryPreferences": {"Analytics": True, "Ads": False}}, {"analytics": GRANTED, "ads": DENIED}),
        ({"chat": "denied", "categoryPreferences": {"Chat": True}}, {"chat": DENIED}),
        ({" Live Chat ": "granted"}, {"live chat": GRANTED}),
        ({"analytics": "yes", "marketing": True, "chat": 1, "ads": ["granted"]}, {}),
        ({"categoryPreferences": {"Analytics": 1, "Ads": "denied", "Chat": None}}, {}),
        ({"": "granted", "x" * (MAX_CATEGORY_CHARS + 1): "granted"}, {}),
        ({"categoryPreferences": "granted"}, {}),
        (None, {}),
        ("granted", {}),
        ([{"analytics": "granted"}], {}),
    ],
)
def test_only_well_formed_choices_are_read(consent: Any, states: dict[str, int]) -> None:
    assert read_consent(consent) == states


def test_more_categories_than_a_site_has_are_left_out() -> None:
    assert len(read_consent({f"own {n}": "granted" for n in range(100)})) == MAX_CATEGORIES


@given(anything)
def test_whatever_stands_there_is_read_without_an_error(consent: Any) -> None:
    for category, state in read_consent(consent).items():
        assert 0 < len(category) <= MAX_CATEGORY_CHARS
        assert state in STATES.values()
