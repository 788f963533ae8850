"""The parts of a filter, as its canonical JSON says them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = str | float | bool  # whole numbers are floats to type checkers, and compared as them


@dataclass(frozen=True)
class Circle:
    """Degrees north and east, and a radius in kilometres."""

    lat: float
    lon: float
    km: float


Operand: TypeAlias = Scalar | tuple[Scalar, ...] | Circle | None


@dataclass(frozen=True)
class Trait:
    """Of a user: a field by its name, such as `plan`, or a trait of the site's own, such as `traits.seats`."""

    name: str
    op: str
    value: Operand = None


@dataclass(frozen=True)
class Property:
    """Of an event, in the `where` of Did."""

    name: str
    op: str
    value: Operand = None


@dataclass(frozen=True)
class Tag:
    any_of: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    any_of: tuple[str, ...]  # ids or names


@dataclass(frozen=True)
class Status:
    any_of: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    any_of: tuple[str, ...]  # ids


@dataclass(frozen=True)
class Consent:
    category: str
    any_of: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """How often."""

    bound: Literal["exactly", "atLeast", "atMost"] = "atLeast"
    count: int = 1


@dataclass(frozen=True)
class When:
    """By `occurred_at`: `between` has two values, every other one."""

    op: Literal["on", "last", "between", "before", "after"]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Did:
    """How many events of this name the user has, of those that `where` and `when` choose."""

    event: str
    where: "Filter | None" = None
    times: Times = Times()
    when: When | None = None


@dataclass(frozen=True)
class All:
    filters: tuple["Filter", ...]


@dataclass(frozen=True)
class Any:
    filters: tuple["Filter", ...]


@dataclass(frozen=True)
class Not:
    filter: "Filter"


Filter: TypeAlias = All | Any | Not | Trait | Property | Tag | Stage | Status | Segment | Consent | Did
EVERYONE = All(())
