"""`ask0 demo`: the same seed plays the same events, and the tables count what was played."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from ask0.gateway.site.demo_script import Conversation, Turn, play
from bench.stack import wait_for
from tests.cli.processes import Server

UNTIL = 1_790_000_000_000


def cast(count: int) -> list[Conversation]:
    turns = [
        Turn("user", "Where is my parcel?", frozenset({"REQUEST"}), "Track"),
        Turn("assistant", "I do not know.", frozenset({"NOTIFY_FAILURE"})),
        Turn("user", "Thank you anyway.", frozenset({"THANK_YOU"}), "Track"),
        Turn("assistant", "Bye.", frozenset({"GOODBYE"})),
    ]
    return [Conversation(f"c{n}", turns, ["Parcels_2"]) for n in range(count)]


def test_the_same_seed_plays_the_same_events() -> None:
    first, second = ([*play(cast(50), 20, 1, UNTIL)] for _ in range(2))
    assert first == second
    assert first != [*play(cast(50), 20, 2, UNTIL)]


def test_every_turn_is_one_event_and_everyone_talks() -> None:
    events = [event for scene in play(cast(50), 20, 1, UNTIL) for event in scene]
    names = Counter(event.get("event", "identify") for event in events)
    assert names["Question Asked"] == names["Answer Given"] == 100
    assert names["Conversation Started"] == names["Conversation Closed"] == 50
    assert names["identify"] == 20
    assert len({event["messageId"] for event in events}) == len(events)


def test_a_conversation_reads_as_it_went() -> None:
    (events,) = play(cast(1), 1, 3, UNTIL)
    conversation = [event for event in events if event["type"] == "track"]
    assert [event["event"] for event in conversation][:2] == ["Conversation Started", "Question Asked"]
    assert conversation[0]["properties"]["topic"] == "Parcels"
    assert [event["properties"]["answered"] for event in conversation if event["event"] == "Answer Given"] == [
        False,
        True,
    ]
    assert conversation[-1]["properties"]["status"] == "resolved"
    times = [event["timestamp"] for event in conversation]
    assert times == sorted(times)
    assert times[-1] < "2026-09-21T14:13:20"


def test_every_answer_names_the_question_before_it() -> None:
    for scene in play(cast(50), 20, 1, UNTIL):
        asked = ""
        for event in scene:
            if event.get("event") == "Question Asked":
                asked = event["messageId"]
            elif event.get("event") == "Answer Given":
                assert event["properties"]["inReplyTo"] == asked != ""


def test_a_guest_becomes_the_user_in_the_middle_of_the_first_conversation() -> None:
    scenes = [scene for scene in play(cast(60), 60, 1, UNTIL) if scene[0]["type"] == "track"]
    assert 5 < len(scenes) < 40
    for scene in scenes:
        login = next(index for index, event in enumerate(scene) if event["type"] == "identify")
        assert all("userId" not in event for event in scene[:login])
        assert all(event["userId"] == scene[login]["userId"] for event in scene[login:])
        assert len({event["anonymousId"] for event in scene}) == 1


@pytest.mark.parametrize(
    ("services", "topic"), [(["RentalCars_1"], "RentalCars"), (["Help"], "Help"), (["a_b"], "a_b"), ([], None)]
)
def test_the_topic_is_the_service_without_its_number(services: list[str], topic: str | None) -> None:
    assert Conversation("c", [], services).topic == topic


def test_the_tables_count_what_was_played_however_often(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "conversations.jsonl.gz"
    turns = [{"role": role, "text": "…", "acts": ["INFORM"]} for role in ("user", "assistant") * 3]
    with gzip.open(path, "wt") as file:
        for n in range(100):
            file.write(json.dumps({"id": f"played-{n}", "services": ["Hotels_1"], "turns": turns}) + "\n")
    for _ in range(2):
        totals = server.run("demo", "--conversations", str(path), "--users", "30", "--seed", "5", "--json").json
        assert (totals["conversations"], totals["questions"], totals["answers"]) == (100, 300, 300)
        assert (totals["users"], totals["rejected"]) == (30, 0)
    played = "SELECT count(), sum(questions), sum(answers), uniq(user_id) FROM conversations WHERE id LIKE 'played-%'"
    wait_for(lambda: server.query(played) == "100\t300\t300\t30", "the conversations")
    people = "SELECT count() FROM users WHERE id LIKE 'demo-%'"
    wait_for(lambda: server.query(people) == "30", "the people")  # whose rows come after those of conversations


def test_a_line_that_is_no_conversation_is_named(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id":"a","turns":[]}\n{"id":"b"}\n')
    done = server.run("demo", "--conversations", str(path))
    assert done.code == 1
    assert "line 2" in done.err


def test_the_sample_plays_without_a_file(server: Server) -> None:
    totals = server.run("demo", "--users", "10", "--json").json
    assert totals["conversations"] == 300
    assert totals["accepted"] == totals["events"]
    assert totals["users"] == 10
