"""Pages of keys: whole, in order, and of a size that a statement takes."""

from hypothesis import given
from hypothesis import strategies as st

from ask0.consumers.tables.pages import in_order, key_bytes, pages

keys = st.lists(st.tuples(st.sampled_from(["p", "q", "p2"]), st.text(max_size=3)), max_size=50)


@given(keys, st.integers(1, 7))
def test_pages_hold_every_key_once_in_its_place(some: list[tuple[str, str]], most: int) -> None:
    found = list(pages(some, key_bytes, most))
    assert [key for page in found for key in page] == some
    assert all(len(page) == most for page in found[:-1])


@given(keys)
def test_keys_come_in_the_order_of_the_tables(some: list[tuple[str, str]]) -> None:
    assert in_order(set(some)) == sorted(set(some))
