"""Questions to ClickHouse: one project's many do not keep another's few waiting."""

import asyncio
import threading
from contextlib import suppress

import pytest

from ask0.gateway.errors import ServiceUnavailable
from ask0.gateway.questions import MOST_OF_ONE, Questions, asker
from ask0.warehouse.errors import Unavailable


async def ask_as(project: str, questions: Questions, question: object) -> object:
    asker.set(project)
    return await questions.ask(question)  # type: ignore[arg-type]


async def test_another_projects_question_is_answered_while_one_asks_too_much() -> None:
    questions, gate = Questions("test"), threading.Event()
    slow = [asyncio.create_task(ask_as("slow", questions, gate.wait)) for _ in range(MOST_OF_ONE)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable, match="too many"):
        await asyncio.create_task(ask_as("slow", questions, gate.wait))
    assert await asyncio.create_task(ask_as("quick", questions, lambda: "here")) == "here"
    gate.set()
    assert await asyncio.gather(*slow) == [True] * MOST_OF_ONE
    assert await asyncio.create_task(ask_as("slow", questions, lambda: "again")) == "again"
    questions.close()


async def test_whatever_clickhouse_says_is_a_503_without_its_words() -> None:
    questions = Questions("test")

    def fail() -> None:
        raise Unavailable("DB::Exception: secret")

    with pytest.raises(ServiceUnavailable) as refused:
        await questions.ask(fail)
    assert "DB::Exception" not in refused.value.message
    with suppress(ServiceUnavailable):
        await questions.ask(fail)
    questions.close()
