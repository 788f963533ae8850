"""What arrives of a file, in whatever pieces and however it is packed, is what was sent."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.gateway import uploads
from ask0.gateway.errors import BadRequest, TooLarge


@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=8),
    st.booleans(),
)
def test_a_file_is_inflated_whatever_the_pieces(members: list[bytes], places: list[int], is_packed: bool) -> None:
    file = b"".join(map(gzip.compress, members)) if is_packed else b"".join(members)
    ends = sorted({0, len(file), *(min(place, len(file)) for place in places)})
    arrived = b"".join(uploads._inflated(file[start:end] for start, end in pairwise(ends)))
    plain = b"".join(members)
    assert arrived == plain or plain.startswith(uploads.GZIP)


@given(st.binary(max_size=100), st.integers(1, 60))
def test_a_packed_file_that_ends_too_early_is_refused(content: bytes, missing: int) -> None:
    packed = gzip.compress(content)
    cut = packed[: max(2, len(packed) - missing)]
    with pytest.raises(BadRequest):
        list(uploads._inflated([cut]))


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 65_536 * 3, 65_536 * 16])
def test_a_file_of_any_size_is_inflated_whole(size: int) -> None:
    packed = gzip.compress(b"a" * size)
    for step in (1, 7, len(packed)):
        pieces = (packed[place : place + step] for place in range(0, len(packed), step))
        assert len(b"".join(uploads._inflated(pieces))) == size


def test_a_bomb_is_inflated_piece_by_piece_and_not_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 1_000_000)
    bomb = gzip.compress(b"\0" * 20_000_000)
    sizes = []
    with pytest.raises(TooLarge):
        sizes += [len(piece) for piece in uploads._bounded(uploads._inflated([bomb]))]
    pieces = uploads._inflated([bomb])
    assert max(len(next(pieces)) for _ in range(20)) <= uploads.INFLATED_AT_ONCE
