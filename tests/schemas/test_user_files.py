"""Files of users are read alike however they arrive, and nothing in them costs more than it is worth."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.schemas.user_files import (
    MAX_COLUMNS,
    MAX_ROW_BYTES,
    WRITABLE,
    FileInvalid,
    Line,
    Refused,
    read_users,
    split_lines,
)

ODD = st.sampled_from(
    [b'"', b",", b"\n", b"\r\n", b"\r", b"id", b"traits.a", b"{", b'{"id":1}', b"'=1", b"\xff", b"\0"]
)
files = st.lists(st.one_of(ODD, st.binary(max_size=6)), max_size=30).map(b"".join)
cuts = st.lists(st.integers(0, 200), max_size=8)
cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def pieces(file: bytes, places: list[int]) -> Iterator[bytes]:
    ends = sorted({0, len(file), *(min(place, len(file)) for place in places)})
    return (file[start:end] for start, end in pairwise(ends))


def read(file: bytes, fmt: str | None, places: list[int]) -> Any:
    try:
        return list(read_users(split_lines(pieces(file, places)), fmt))
    except FileInvalid as error:
        return str(error)


@given(files, cuts, st.sampled_from([None, "csv", "jsonl"]))
def test_a_file_says_the_same_however_it_is_cut(file: bytes, places: list[int], fmt: str | None) -> None:
    assert read(file, fmt, places) == read(file, fmt, [])


@given(files, cuts)
def test_lines_are_those_of_the_file(file: bytes, places: list[int]) -> None:
    lines = list(split_lines(pieces(file, places)))
    assert b"".join(lines) == file
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 and line for line in lines)


@given(st.binary(max_size=40), st.lists(st.integers(0, 40)), st.integers(1, 9))
def test_a_line_beyond_the_limit_is_cut(file: bytes, places: list[int], most: int) -> None:
    whole = list(split_lines([file]))
    assert list(split_lines(pieces(file, places), most)) == [line[:most] for line in whole]


@given(st.lists(st.dictionaries(st.sampled_from(["email", "plan", "traits.a"]), cells, max_size=3), max_size=6))
def test_csv_and_json_of_the_same_users_say_the_same(users: list[dict[str, str]]) -> None:
    """But for what CSV cannot say: an empty text, and text that is JSON in a cell of traits."""
    kept = [
        {name: value for name, value in user.items() if value.strip('"') and not is_json(value)} | {"id": str(number)}
        for number, user in enumerate(users)
    ]
    kept = [{name: value for name, value in user.items() if not value.startswith("'")} for user in kept]
    lines = ["id,email,plan,traits.a"] + [
        ",".join('"' + user.get(name, "").replace('"', '""') + '"' for name in ("id", "email", "plan", "traits.a"))
        for user in kept
    ]
    from_csv = read("\r\n".join(lines).encode(), "csv", [])
    nested = [
        {name: value for name, value in user.items() if name != "traits.a"}
        | ({"traits": {"a": user["traits.a"]}} if "traits.a" in user else {})
        for user in kept
    ]
    from_json = read("\n".join(map(json.dumps, nested)).encode(), "jsonl", [])
    assert [line.user for line in from_csv] == [line.user for line in from_json]


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_lines_have_their_numbers_also_behind_cells_of_several_lines_and_what_is_refused() -> None:
    file = b'id,plan\na,"two\nlines"\nb,pro,more\n\nc,free\n'
    read_lines = list(read_users(split_lines([file]), "csv"))
    assert [line.number if isinstance(line, Line) else line.line for line in read_lines] == [2, 4, 6]
    assert isinstance(read_lines[1], Refused)


def test_a_quote_that_is_not_closed_costs_so_much_and_the_lines_behind_it_are_read() -> None:
    cell = b"x" * 50_000 + b"\n" + b"x" * 10  # each line ends within a quote
    file = b'id,plan\ny,"' + b'","'.join([cell] * (MAX_ROW_BYTES // len(cell) + 5)) + b'"\nlast,pro\n'
    found = list(read_users(split_lines([file]), "csv"))
    assert isinstance(found[0], Refused)
    assert "a quote that is not closed" in found[0].message
    assert found[-1] == Line(found[-1].number, {"id": "last", "plan": "pro"})  # type: ignore[union-attr]


@pytest.mark.parametrize("names", [["plan"], ["id", "colour"], ["id", "id"], ["id"] * (MAX_COLUMNS + 1)])
def test_columns_are_those_of_a_user(names: list[str]) -> None:
    with pytest.raises(FileInvalid):
        list(read_users([",".join(names).encode()], "csv"))
    assert list(read_users([",".join(WRITABLE).encode()], "csv")) == []
