"""The console is written against the API as it is."""

from tests.console.types import TYPES, generate


def test_the_types_are_those_of_the_api() -> None:
    assert TYPES.read_text() == generate(), "make console-types writes them anew"
