"""Names of traits lead to one place each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.filters.names import keys_of, locate, name_of, own_name


@given(st.lists(st.text(min_size=1, max_size=5) | st.sampled_from((".", "\\", "\\.", "..")), min_size=1, max_size=5))
def test_any_keys_have_a_name_of_their_own(keys: list[str]) -> None:
    assert keys_of(name_of(tuple(keys))) == tuple(keys)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("plan", "plan"),
        ("traits.plan", ("plan",)),
        ("seats", ("seats",)),
        ("traits.seats", ("seats",)),
        ("address.city", ("address", "city")),
        ("company.name", ("company", "name")),
        ("a\\.b", ("a.b",)),
        ("traits.traits.a", ("traits", "a")),
        ("traits", ("traits",)),
    ],
)
def test_a_bare_name_is_a_field_first(name: str, place: object) -> None:
    assert locate(name) == place


def test_a_definition_is_found_with_and_without_its_prefix() -> None:
    assert own_name("traits.a\\.b") == own_name("a\\.b") == "a\\.b"
