"""Values that go into a statement: bound by name, never written into its text."""

from collections.abc import Sequence
from typing import Any

import orjson

from ask0.warehouse.connect import PARAMETER_CHARACTERS

SPARE_CHARACTERS = 4_000


class Parameters:
    """Gathers the values of a statement under names that begin with `prefix`, so that several conditions fit in one."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._places: dict[tuple[str, Any], str] = {}
        self._aliases = 0
        self.values: dict[str, Any] = {}

    def text(self, value: str) -> str:
        return self._add("String", value)

    def texts(self, values: Sequence[str]) -> str:
        """An array. It is bound as JSON, which is as long as it looks."""
        return f"JSONExtract({self._add('String', orjson.dumps(values).decode())}, 'Array(String)')"

    def number(self, value: float) -> str:
        return self._add("Float64", value)

    def numbers(self, values: Sequence[float]) -> str:
        return f"JSONExtract({self._add('String', orjson.dumps(values).decode())}, 'Array(Float64)')"

    def whole(self, value: int) -> str:
        return self._add("Int64", value)

    def alias(self, sql: str) -> tuple[str, str]:
        """An expression that gives itself a name, to stand once in the statement, and the name, to stand anywhere."""
        self._aliases += 1
        name = f"{self._prefix}_as_{self._aliases}"
        return f"({sql} AS {name})", name

    @property
    def are_too_large(self) -> bool:
        """Beside them the statement binds a project and an id."""
        return sum(len(str(value)) for value in self.values.values()) > PARAMETER_CHARACTERS - SPARE_CHARACTERS

    def _add(self, kind: str, value: Any) -> str:
        known = self._places.get((kind, value))
        if known is None:
            name = f"{self._prefix}_{len(self.values)}"
            self.values[name] = value
            known = self._places[kind, value] = f"{{{name}:{kind}}}"
        return known
