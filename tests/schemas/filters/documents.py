"""Filters and values to try, from small pools, so that what is asked for is often there."""

from typing import Any

from hypothesis import strategies as st

from ask0.schemas.filters.names import FIELDS, Kind
from ask0.schemas.filters.operands import OPERATORS
from ask0.schemas.filters.predicates import TAKES

Strategy = st.SearchStrategy[Any]

TEXTS = (
    *(
        "",
        "a",
        "A",
        "ab",
        "pro",
        "Pro",
        "5",
        "-0",
        "1e3",
        "true",
        "false",
        "null",
        "07",
        " 5",
        "1e999",
        "x'y",
        "\\",
        "%",
    ),
    *("ß", "SS", "ẞ", "İstanbul", "i̇stanbul", "ΑΣ", "ας", "ασα", "Σ", "ǅ", "ǆ", "é", "e\u0301", "É", "\u1c89", "😀"),
)
DATES = (
    *("2024-03-31", "2024-03-30T23:00:00Z", "2024-03-31T02:30:00", "2024-03-31 03:00:00+02:00", "2024-10-27T00:30Z"),
    *(
        "2018-11-04",
        "2018-11-04T03:00:00Z",
        "2018-11-04T02:59:59.999Z",
        "2011-12-30",
        "2011-12-31",
        "2011-12-30T10:00Z",
    ),
    *("2024-02-29", "1900-01-01", "2299-12-31", "2299-12-31T23:59:59.999-23:59", "1900-01-01T00:00+14"),
    *("2024-03-31T10:00:00.123456789Z", "2024-03-31T10:00:00,1Z", "2024-03-31T10:00+0530", "2024-03-31T10:00:00-03"),
)
NO_DATES = (
    *("2023-02-29", "2100-02-29", "2024-04-31", "2024-03-31T24:00", "2024-3-31", "2024-03-31T", "2024-03-31T10:00:60"),
    *("2024-03-31t10:00:00z", "1899-12-31", "2300-01-01", "２024-03-31", "2024-03-31\n", "2024-03-31T10:00Z\n", "now"),
)
NUMBERS = (
    *(0, -0.0, 5, -5, 0.1, 2.5, 1e308, -1e308, 5e-324, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)),
    *(1711843200000, 1711843200000.5, -2208988800000),
)
ITEMS = ("a", "A", 5, 0, -0.0, True, False)  # few, as all of a filter's are to be in one list
CATEGORIES = ("marketing", "analytics")
KEYS = (
    "a",
    "b",
    "c",
    "a.b",
    "a%2Eb",
    "a%252Eb",
    "it's",
    "`",
    "\\",
    '"',
    "^a",
    "a[]",
    "@",
    "é",
    "😀",
    "\0",
    "\n",
    "x y",
)
TAGS = ("vip", "new", "it's")
EVENTS = ("Feature Used", "Bought")

texts = st.sampled_from(TEXTS) | st.text(max_size=3)
dates = st.sampled_from(DATES)
numbers = st.sampled_from(NUMBERS) | st.integers(-3, 9) | st.floats(allow_nan=False, allow_infinity=False)
scalars = texts | dates | numbers | st.booleans()
points = st.fixed_dictionaries(
    {"lat": st.sampled_from((0, 52.5, 48.1, -90, 91)), "lon": st.sampled_from((0, 13.4, 180, -180))}
)


def escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.")


own_names = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2).map(lambda keys: ".".join(map(escaped, keys)))
few_names = st.sampled_from(("a", "b", "c", "a\\.b", "a.b", "it's", "traits.b", "traits.^`a`.c"))
bounds = numbers | dates
periods = st.sampled_from(("1m", "36h", "7d", "2w", "40000d"))


def operands(op: str) -> Strategy:
    """Of the values that an operator takes."""
    if op in ("in", "notIn", "hasAny", "hasAll"):
        return st.lists(scalars, min_size=1, max_size=3) | st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3)
    if op in ("contains", "notContains", "startsWith", "endsWith"):
        return texts
    if op in ("gt", "gte", "lt", "lte"):
        return bounds
    if op == "between":
        return st.lists(numbers, min_size=2, max_size=2) | st.lists(dates, min_size=2, max_size=2)
    if op in ("before", "after", "on"):
        return dates
    if op in ("inLast", "notInLast"):
        return periods
    if op == "within":
        return points.flatmap(lambda point: st.sampled_from((0, 600, 25_000)).map(lambda km: {**point, "km": km}))
    return scalars


def comparison(key: str, name: str, op: str) -> Strategy:
    said = {key: st.just(name), "op": st.just(op)}
    return st.fixed_dictionaries(said if op in ("set", "notSet") else {**said, "value": operands(op)})


def comparisons(key: str, named: Strategy) -> Strategy:
    return st.tuples(named, st.sampled_from(OPERATORS)).flatmap(lambda drawn: comparison(key, *drawn))


fields = st.sampled_from([(name, op) for name, kind in FIELDS.items() for op in (*TAKES[kind], "set")])
of_fields = fields.flatmap(lambda drawn: comparison("trait", *drawn))
of_own = comparisons("trait", few_names | own_names)


def one_or_more(options: tuple[str, ...]) -> Strategy:
    return st.sampled_from(options) | st.lists(st.sampled_from(options), min_size=1, max_size=2)


def combined(leaf: Strategy) -> Strategy:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=3,
    )


whens = st.one_of(
    st.fixed_dictionaries({"last": periods}),
    *(st.fixed_dictionaries({op: dates}) for op in ("on", "before", "after")),
    st.fixed_dictionaries({"between": st.lists(dates, min_size=2, max_size=2)}),
)
times = st.one_of(
    *(st.fixed_dictionaries({bound: st.integers(1, 3)}) for bound in ("exactly", "atLeast", "atMost")),
    st.just({"exactly": 0}),
)
dids = st.fixed_dictionaries(
    {"did": st.sampled_from(EVENTS)},
    optional={"where": combined(comparisons("property", own_names)), "times": times, "when": whens},
)
others = st.one_of(
    st.fixed_dictionaries({"tag": one_or_more(TAGS)}),
    st.fixed_dictionaries({"status": one_or_more(("Guest", "Unconfirmed", "Active"))}),
    st.fixed_dictionaries(
        {"consent": st.sampled_from(CATEGORIES), "is": one_or_more(("granted", "pending", "denied"))}
    ),
    dids,
)
asking_of_one_user = st.sampled_from((of_own, of_own, of_own, of_fields, others)).flatmap(lambda leaf: leaf)
asking_of_others = st.one_of(
    st.fixed_dictionaries({"segment": one_or_more(("seg_a", "seg_b"))}),
    st.fixed_dictionaries({"stage": one_or_more(("trial", "At Risk"))}),
)
filters = combined(asking_of_one_user)
filters_of_all_kinds = combined(asking_of_one_user | asking_of_others)

KINDS: tuple[Kind, ...] = ("text", "number", "boolean", "date", "geo", "texts", "numbers")
kinds = st.dictionaries(st.sampled_from(("a", "b", "c", "a\\.b", "it's")), st.sampled_from(KINDS), max_size=3)
