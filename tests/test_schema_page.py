"""docs/schema.md against the real tables: every column is on it, and every statement gives rows of played talk."""

import re
import subprocess
import sys
from collections.abc import Iterator
from os import environ

import pytest

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.doc_pages import PAGES, Block, blocks

PAGE = PAGES["docs/schema.md"]
STATEMENTS = [block for block in blocks("sql") if block.page == "docs/schema.md"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With the demo's conversations in it."""
    with Stack(tmp_path_factory.mktemp("data")) as stack:
        command = [sys.executable, "-m", "ask0.cli.main", "demo", "--url", stack.url, "--write-key", WRITE_KEY]
        subprocess.run(command, env={**environ, **stack.environ}, check=True, capture_output=True)
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.conversations")) >= 300, "the conversations")
        yield stack


@pytest.mark.parametrize(
    "table", ["events", "users", "conversations", "identities", "quarantine", "audit_log", "segment_members"]
)
def test_every_column_is_on_the_page_with_its_comment(played: Stack, table: str) -> None:
    section = PAGE.partition(f"## ask0.{table}\n")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| `[^`]+` \| (.*?)(?: \(computed\))? \|$", section, re.MULTILINE))
    found = played.query(
        f"SELECT name, comment FROM system.columns WHERE database = 'ask0' AND table = '{table}' FORMAT TSVRaw"
    )
    assert shown == dict(line.split("\t") for line in found.splitlines())


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda block: block.text.splitlines()[0][:60])
def test_every_statement_gives_rows(played: Stack, statement: Block) -> None:
    rows = played.query(statement.text)
    assert rows or "days >= 7" in statement.text, "conversations spread over weeks have nobody who is active so often"


def test_questions_without_an_answer_are_those_that_nobody_answered(played: Stack) -> None:
    (recipe,) = [block.text for block in STATEMENTS if "LEFT ANTI JOIN" in block.text]

    def track(event: str, message_id: str, **properties: object) -> dict[str, object]:
        talk = {"conversationId": "asked", **properties}
        return {"type": "track", "userId": "u", "event": event, "messageId": message_id, "properties": talk}

    batch = [
        track("Question Asked", "helped", text="Is this answered?"),
        track("Answer Given", "help", text="Yes.", inReplyTo="helped"),
        track("Question Asked", "failed", text="Is this known?"),
        track("Answer Given", "failure", answered=False, inReplyTo="failed"),
        track("Question Asked", "ignored", text="Is anybody there?"),
    ]
    assert played.post("/v1/batch", {"batch": batch})[0] == 200
    count = "SELECT count() FROM ask0.events WHERE conversation_id = 'asked'"
    wait_for(lambda: played.query(count) == str(len(batch)), "the questions")
    listed = {row.split("\t")[1] for row in played.query(recipe).splitlines()}
    assert "Is this answered?" not in listed
    assert {"Is this known?", "Is anybody there?"} <= listed


def test_there_are_ten_recipes_and_more() -> None:
    assert len(re.findall("^### ", PAGE, re.MULTILINE)) >= 10
