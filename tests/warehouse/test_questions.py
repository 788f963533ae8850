"""Each question, asked of texts that are hard to read: SQL answers as Python does."""

import json
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ask0.schemas.filters.dates import FIRST_INSTANT, LAST_INSTANT, Clock
from ask0.schemas.filters.evaluate import answers
from ask0.schemas.filters.names import Kind
from ask0.schemas.filters.predicates import Like, Numbers, OneOf, Period, Predicate, Question, Values
from ask0.schemas.filters.text import fold
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.parameters import Parameters
from ask0.warehouse.questions import ask
from ask0.warehouse.traits import JsonPath
from tests.schemas.filters import documents

CLOCK = Clock(1_711_879_200_000, ZoneInfo("Europe/Berlin"))

digits = st.text("0123456789", max_size=4)
made_dates = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}{}{}".format,
    st.integers(1899, 2300),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from("T t"),
    st.integers(0, 24),
    st.integers(0, 60),
    st.sampled_from(("", ":00", ":59", ":60", ":07.5", ":07,123", ":07.1234567891", ":7", ".5")),
    st.sampled_from(("", "Z", "z", "+02:00", "-0330", "+14", "+2", "-23:59", "+24:00", "+02:60", " ", "\n")),
)
odd_dates = documents.dates | st.sampled_from(documents.NO_DATES) | made_dates | made_dates.map(lambda text: text[:10])
odd_numbers = st.one_of(
    documents.texts,
    documents.numbers.map(repr),
    st.builds(
        "{}{}{}".format, st.sampled_from(("", "-", "+", "0", " ")), digits, st.sampled_from(("", ".", ".0", "e5"))
    ),
    st.builds("{}e{}".format, st.integers(-9, 9), st.integers(-400, 400)),
    st.sampled_from(("1" * 400, "1" * 401, "0." + "3" * 390, "inf", "nan", "0x10", "1_000", "5\n", "٥")),
)
instants = st.one_of(
    st.integers(-2_300_000_000_000, 10_500_000_000_000),
    *(st.integers(-86_400_000, 86_400_000).map(at.__add__) for at in (FIRST_INSTANT, LAST_INSTANT, CLOCK.now)),
)
periods = st.builds(Period, instants | st.none(), instants | st.none())


class Text(JsonPath):
    """A value that is text, as in a JSON column."""

    def __init__(self, sql: str, parameters: Parameters) -> None:
        super().__init__("x", "x", ("x",), parameters)
        self._sql = sql

    @property
    def text(self) -> str:
        return self._sql

    @property
    def number(self) -> str:
        return "NULL::Nullable(Float64)"


def answered(warehouse: Warehouse, predicate: Predicate, texts: Sequence[str], kind: Kind | None = None) -> list[bool]:
    """By SQL, of each text."""
    parameters = Parameters("f")
    text = Text(f"{parameters.texts(texts)}[number + 1]", parameters)
    sql = ask(Question(predicate, kind, negated=False), text, parameters, CLOCK.zone)
    rows = warehouse.query(f"SELECT {sql} FROM numbers({len(texts)}) ORDER BY number", parameters.values)
    return [bool(answer) for (answer,) in rows]


def by_python(predicate: Predicate, texts: Sequence[str], kind: Kind | None = None) -> list[bool]:
    return [answers(predicate, text, kind, CLOCK) for text in texts]


@given(texts=st.lists(odd_dates, min_size=1, max_size=60), period=periods)
@example(texts=["1900-01-01"], period=Period(-2_208_992_400_000, 0))
def test_dates_are_read_alike(engine: Warehouse, texts: list[str], period: Period) -> None:
    assert answered(engine, period, texts) == by_python(period, texts)
    assert answered(engine, period, texts, "date") == by_python(period, texts, "date")


@given(texts=st.lists(odd_numbers, min_size=1, max_size=60), bound=documents.numbers.map(float))
def test_numbers_in_text_are_read_alike(engine: Warehouse, texts: list[str], bound: float) -> None:
    for predicate in (Numbers(least=bound), Numbers(greatest=bound), OneOf(Values(numbers=(bound + 0.0,)))):
        assert answered(engine, predicate, texts, "number") == by_python(predicate, texts, "number")


@given(texts=st.lists(documents.texts | st.text(), min_size=1, max_size=60), sought=documents.texts)
@settings(max_examples=50)
def test_parts_of_text_are_found_alike(engine: Warehouse, texts: list[str], sought: str) -> None:
    for like in (Like("contains", sought), Like("startsWith", sought), Like("endsWith", sought)):
        assert answered(engine, like, texts) == by_python(like, texts)


def test_every_letter_is_lower_cased_alike(engine: Warehouse) -> None:
    """None lies higher. Where this fails, the tables of Unicode have grown: see schemas/filters/text.py."""
    letters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    sql = "SELECT replaceAll(lowerUTF8(arrayJoin(JSONExtract({some:String}, 'Array(String)'))), 'ς', 'σ')"
    for start in range(0, len(letters), 10_000):
        some = letters[start : start + 10_000]
        rows = engine.query(sql, {"some": json.dumps(some, ensure_ascii=False)})
        assert [lower for (lower,) in rows] == list(map(fold, some))
