"""The page about filters says what the code does."""

import json
import re

import pytest

from ask0.schemas.filters.inline import MAX_INLINED_LEAVES
from ask0.schemas.filters.names import FIELDS
from ask0.schemas.filters.operands import MAX_VALUES, OPERATORS
from ask0.schemas.filters.parser import FORMS, MAX_DEPTH, MAX_LEAVES, MAX_OPERAND_BYTES, parse
from ask0.schemas.filters.spellings import CUSTOMFIT, EVENTS, read
from ask0.schemas.filters.writer import write
from tests.doc_pages import BLOCKS, PAGES, Block

PAGE = PAGES["docs/filters.md"]
EXAMPLES = [block for block in BLOCKS if block.page == "docs/filters.md"]
NAMED = set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_example_is_a_filter(example: Block) -> None:
    filter = read(json.loads(example.text))
    assert parse(write(filter)) == filter


def test_every_part_operator_and_field_is_named() -> None:
    assert {*OPERATORS, *FIELDS} <= NAMED
    for form in FORMS:
        assert f'`{{"{form}": ' in PAGE


def test_every_name_of_customfits_that_is_listed_is_read() -> None:
    assert {name for name in NAMED if name.isupper() and "_" in name} <= {*CUSTOMFIT, *EVENTS}


def test_the_bounds_are_those_of_the_code() -> None:
    bounds = PAGE.partition("## Bounds")[2]
    for bound in (MAX_LEAVES, MAX_DEPTH, MAX_VALUES, MAX_OPERAND_BYTES, MAX_INLINED_LEAVES):
        assert f" {bound:,} " in bounds.replace("\n", " ")
