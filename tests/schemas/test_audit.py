"""The digests of the audit log: of all that a row says, the same wherever it is read, and blind to whom was erased."""

import msgspec
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from msgspec.structs import replace

from ask0.schemas.audit import Row, chained, digest_of, fits_its_seals, is_erased
from tests.warehouse.audit_entries import entry

words = some.text(max_size=4)


@hypothesis_settings(max_examples=50)
@given(some.lists(some.tuples(words, words), max_size=5))
def test_rows_of_any_text_are_written_and_read_alike(said: list[tuple[str, str]]) -> None:
    rows = chained([entry(n, about=(a, b), details=b, actor=a) for n, (a, b) in enumerate(said)], 0, "")
    previous = ""
    for row in rows:
        read = msgspec.json.decode(msgspec.json.encode(row), type=Row)
        assert fits_its_seals(read)
        assert digest_of(read, previous) == row.digest
        previous = row.digest


@hypothesis_settings(max_examples=50)
@given(some.lists(words, min_size=2, max_size=2), some.lists(words, min_size=2, max_size=2))
def test_two_that_say_something_else_have_other_digests(one: list[str], other: list[str]) -> None:
    """Also where the texts run into each other in the same way."""
    for name in ("actor", "id"):
        first, second = (
            chained([entry(1, action=action, **{name: value})], 0, "")[0] for action, value in (one, other)
        )
        assert (first.digest == second.digest) == (one == other)
    personal, public = (
        [chained([entry(1, about=tuple(ids), is_personal=is_personal)], 0, "")[0].digest for ids in (one, other)]
        for is_personal in (True, False)
    )
    assert (personal[0] == personal[1]) == (public[0] == public[1]) == (one == other)


def test_an_erase_leaves_a_digest_that_says_nothing_without_its_salt() -> None:
    (row,) = chained([entry(1, about=("ada@example.com",), details="{}")], 0, "")
    erased = replace(row, about=(), details="", salt="")
    assert (is_erased(erased), fits_its_seals(erased), digest_of(erased, "")) == (True, True, row.digest)
    assert "ada" not in str(erased)
    (guess,) = chained([entry(1, about=("ada@example.com",), details="{}", salt="0" * 48)], 0, "")
    assert guess.sealed != erased.sealed
    assert not fits_its_seals(replace(erased, about=("ada@example.com",)))


def test_the_salt_of_the_address_does_not_tell_that_of_the_person() -> None:
    (row,) = chained([entry(1, salt="a" * 24 + "b" * 24)], 0, "")
    assert (row.salt, row.ip_salt) == ("a" * 24, "b" * 24)
    (row,) = chained([entry(1, ip="", details="", about=("key",), is_personal=False)], 0, "")
    assert (row.salt, row.ip_salt, row.sealed, row.sealed_ip) == ("", "", "", "")
