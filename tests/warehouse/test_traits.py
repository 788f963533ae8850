"""The SQL of one trait's value: as each type that it may have, for those who sort and list users by it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from ask0.schemas.filters.names import FIELDS
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.traits import COLUMNS, Value, trait
from tests.warehouse.fixtures import create

NOTHING: dict[str, Any] = {"text": None, "number": None, "boolean": None, "texts": [], "numbers": [], "booleans": []}


@pytest.fixture
def embedded(engine: Warehouse, database: str, chdb_path: Path, schema: Sequence[str]) -> Iterator[Warehouse]:
    with Warehouse(f"chdb://{chdb_path}?database={database}") as warehouse:
        create(warehouse, schema)
        yield warehouse


def read(warehouse: Warehouse, name: str, *columns: str) -> list[tuple[Any, ...]]:
    parameters = Parameters("t")
    value = trait(name, parameters)
    assert value is not None
    selected = ", ".join(str(getattr(value, column)) for column in columns)
    return warehouse.query(f"SELECT {selected} FROM user_rows FINAL ORDER BY id", parameters.values)


def insert(warehouse: Warehouse, traits: str) -> None:
    """Two users with the same traits: as the column says them, and as they were sent."""
    warehouse.insert(
        "user_rows",
        {
            "project_id": ["p", "p"],
            "id": ["column", "sent"],
            "plan": ["pro", "pro"],
            "traits": [traits, "{}"],
            "sent_traits": ["", traits],
            "merged_into": ["", ""],
            "_version": [1, 1],
        },
        token="traits",
    )


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("a", {"text": "a", "texts": ["a"]}),
        ("5", {"text": "5", "texts": ["5"]}),
        (5, {"number": 5.0, "numbers": [5.0]}),
        (2**63, {"number": 2.0**63, "numbers": [2.0**63]}),
        (-2.5, {"number": -2.5, "numbers": [-2.5]}),
        (True, {"boolean": True, "booleans": [True]}),
        (["a", "b"], {"texts": ["a", "b"]}),
        ([1, 2], {"numbers": [1.0, 2.0]}),
        ([1.5, 2], {"numbers": [1.5, 2.0]}),
        ([False], {"booleans": [False]}),
        ([-1, 2**64 - 1], {"numbers": [-1.0, 2.0**64]}),  # which is a list of Dynamic
        ([], {}),
        ({"b": 1}, {}),
    ],
)
def test_a_value_is_read_as_its_own_type_and_no_other(embedded: Warehouse, value: Any, read_as: dict[str, Any]) -> None:
    insert(embedded, orjson.dumps({"a": value, "b": "other"}).decode())
    expected = {**NOTHING, **read_as}
    for row in read(embedded, "traits.a", *expected):
        assert dict(zip(expected, row, strict=True)) == expected


@pytest.mark.parametrize("value", ["a", 5, 2.5, True, ["a", "b"], [[1], [2]], {"b": {"c": 1}}, [{"x": 1}]])
@pytest.mark.parametrize("key", ["a", "it's", "a.b", ":`x`"])
def test_a_value_is_its_json(embedded: Warehouse, key: str, value: Any) -> None:
    insert(embedded, orjson.dumps({key: value}).decode())
    name = key.replace(".", "\\.")
    for json, is_present in read(embedded, f"traits.{name}", "json", "is_present"):
        assert orjson.loads(json) == value
        assert is_present
    for json, is_present in read(embedded, f"traits.{name}.nothing", "json", "is_present"):
        assert json is None
        assert not is_present


def test_every_field_is_read_by_its_column(embedded: Warehouse) -> None:
    insert(embedded, "{}")
    assert COLUMNS.keys() == FIELDS.keys()
    for name in FIELDS:
        read(embedded, name, "text", "number", "boolean", "texts", "numbers", "booleans", "json", "is_present")
    assert read(embedded, "plan", "text", "texts", "number", "json") == [("pro", ["pro"], None, '"pro"')] * 2
    assert read(embedded, "conversations", "number", "numbers", "text") == [(0.0, [0.0], None)] * 2
    assert trait("nps", Parameters("t"), columns={}) is None


def test_parts_of_a_field_are_missing() -> None:
    value: Value | None = trait("plan", Parameters("t"))
    assert value is not None
    assert value.part("name").text == "NULL::Nullable(String)"
