"""Ids are made, told apart and hashed the same way everywhere."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.ids import guest_id, message_key, short_key, uuid7


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80))
def test_a_uuid7_is_one_and_carries_its_time(time_ms: int, random_bits: int) -> None:
    value = uuid.UUID(uuid7(time_ms, random_bits))
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert value.int >> 80 == time_ms


@given(st.uuids())
def test_a_uuid_is_its_own_key_so_time_ordered_ids_stay_neighbours(value: uuid.UUID) -> None:
    assert message_key(str(value)) == value.int
    assert message_key(str(value).upper()) == value.int


@given(st.text(max_size=300))
def test_any_text_has_a_key_of_128_and_one_of_64_bits(text: str) -> None:
    assert 0 <= message_key(text) < 2**128
    assert 0 <= short_key(text) < 2**64


def test_different_messages_have_different_keys() -> None:
    texts = [f"message-{n}" for n in range(1000)] + ["-" * 36, "0x" + "1" * 30 + "----", " " * 36]
    assert len({message_key(text) for text in texts}) == len(texts)


def test_a_guest_keeps_the_prefix_it_has() -> None:
    assert guest_id("g-123456789") == "g-123456789"
    assert guest_id("01890a5d") == "g-01890a5d"
