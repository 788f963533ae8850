"""What is wrong with a filter, said of each place in it."""

from collections.abc import Sequence
from typing import NamedTuple

SHOWN_CHARACTERS = 40


class Detail(NamedTuple):
    at: str  # the place in the document, such as `filter.all[1].value`
    message: str  # what to do, in plain English


class FilterInvalid(Exception):
    """A filter that cannot be read, or does not fit the project's traits, segments or stages."""

    def __init__(self, details: Sequence[Detail]) -> None:
        super().__init__("; ".join(f"{detail.at}: {detail.message}" for detail in details))
        self.details = details


def invalid(at: str, message: str) -> FilterInvalid:
    return FilterInvalid([Detail(at, message)])


def shown(value: object) -> str:
    """A piece of a client's document for a message: short, and text that UTF-8 can carry."""
    if type(value) is str:
        cut = value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}…"
        return '"' + cut.encode("utf-8", "replace").decode() + '"'
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "something that is not JSON")
