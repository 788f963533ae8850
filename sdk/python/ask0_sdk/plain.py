"""Python values as JSON: dates, decimals, sets and the like become what they mean; what cannot, is left out."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any
from uuid import UUID

MAX_LEVELS = 65  # an event, and in it properties of 64: more the gateway does not take
MAX_PROBLEMS = 10  # that are named

_LEFT_OUT = object()


class TooLong(ValueError):
    """The value has more characters as JSON than it may."""


def to_json(value: object, max_chars: int) -> tuple[bytes, list[str]]:
    """The value as JSON, and what had to be left out of it. Raises TooLong, and does not read on then."""
    reading = _Reading(max_chars)
    plain = reading.plain(value)
    return encode(None if plain is _LEFT_OUT else plain), reading.problems


def encode(plain: object) -> bytes:
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def iso(when: datetime) -> str:
    """As the API writes times: UTC with milliseconds. A time without a zone is this machine's."""
    return when.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class _Reading:
    """One walk through a value. `path` is where it is, `inside` the containers around it."""

    def __init__(self, max_chars: int) -> None:
        self.problems: list[str] = []
        self._left = max_chars
        self._path: list[str] = []
        self._inside: set[int] = set()

    def plain(self, value: object) -> Any:
        self._pay(2)
        if value is None or value is True or value is False:
            return value
        depth = len(self._path)
        try:
            return self._convert(value)
        except TooLong:
            raise
        except Exception as error:  # whatever a foreign object does when it is looked at
            del self._path[depth:]
            return self._leave_out(f"cannot be read: {type(error).__name__}")

    def _convert(self, value: object) -> Any:
        if isinstance(value, Enum):
            return self.plain(value.value)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (int, float, Decimal, Integral, Real)):
            return self._number(value)
        if isinstance(value, datetime):
            return iso(value)
        if isinstance(value, (date, time)):
            return value.isoformat()
        if isinstance(value, timedelta):
            return self._number(value.total_seconds())
        if isinstance(value, (UUID, PurePath)):
            return self._text(str(value))
        return self._container(value)

    def _container(self, value: object) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            items: Any = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        elif isinstance(value, (Mapping, Sequence, Set)) and not isinstance(value, (bytes, bytearray, memoryview)):
            items = value
        else:
            return self._leave_out(f"JSON has nothing for {type(value).__name__}")
        if id(value) in self._inside:
            return self._leave_out("it holds itself")
        if len(self._inside) >= MAX_LEVELS:
            return self._leave_out("it is nested too deep")
        if len(items) > self._left:
            raise TooLong
        self._inside.add(id(value))
        try:
            return self._object(items) if isinstance(items, Mapping) else self._list(items)
        finally:
            self._inside.discard(id(value))

    def _object(self, items: Mapping[Any, object]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in list(items.items()):  # a copy: another thread may be writing to it
            self._path.append(str(key)[:64])
            name = key if type(key) is str and key.isascii() else self.plain(key)
            if isinstance(name, (dict, list)):
                name = self._leave_out("a key is text")
            if name is not _LEFT_OUT:
                self._pay(len(key) if type(key) is str else 8)
                converted = self.plain(item)
                if converted is not _LEFT_OUT:
                    plain[name if isinstance(name, str) else json.dumps(name)] = converted
            self._path.pop()
        return plain

    def _list(self, items: Any) -> list[Any]:
        plain: list[Any] = []
        for index, item in enumerate(list(items)):
            self._path.append(str(index))
            converted = self.plain(item)
            plain.append(None if converted is _LEFT_OUT else converted)  # the others keep their places
            self._path.pop()
        return plain

    def _text(self, value: str) -> str:
        text = str(value)
        self._pay(len(text))
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self._leave_out("half of a surrogate pair, written as ?")
                text = text.encode(errors="replace").decode()
        return text

    def _number(self, value: Any) -> Any:
        """Whole numbers of more than 64 bits become floats, which is what the server can hold."""
        if isinstance(value, Integral) or (isinstance(value, Decimal) and value == value.to_integral_value()):
            whole = int(value)
            if -(1 << 63) <= whole < 1 << 64:
                return whole
        number = float(value)
        return number if math.isfinite(number) else self._leave_out(f"{number} is no number in JSON")

    def _pay(self, chars: int) -> None:
        self._left -= chars
        if self._left < 0:
            raise TooLong

    def _leave_out(self, why: str) -> Any:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{'.'.join(self._path) or 'the value'}: {why}")
        return _LEFT_OUT
