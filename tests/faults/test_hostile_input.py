"""Whatever was answered 200 can be read by SELECT afterwards; whatever was not is in the quarantine, and its
neighbours are not held up."""

import json
from pathlib import Path

from bench.stack import Stack, wait_for

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
DEEP = "[" * 10_000 + "]" * 10_000

# Events as they stand on the wire, each odd in its own way.
ODD = [
    '{"event":"x","userId":"u","properties":{"a.b":1,"a":{"b":2}}}',
    '{"event":"x","userId":"u","properties":{"a":1,"a":2,"a":{"b":1}}}',
    '{"event":"x","userId":"u","properties":{"":{"":{"":0}}," ":1}}',
    '{"event":"x","userId":"u","properties":{"n":18446744073709551616,"m":-18446744073709551616,"z":-0.0,"e":1e-400}}',
    '{"event":"x","userId":"u","properties":{"n":1e400}}',
    '{"event":"x","userId":"u","properties":{"n":NaN}}',
    '{"event":"x","userId":"u","properties":{"t":"\\u0000","u":"\\ud83d\\ude00","v":"\\u2028"}}',
    '{"event":"x","userId":"u","properties":{"t":"\\ud800"}}',
    '{"event":"\\ud800","userId":"u"}',
    '{"event":"x\\u0000","userId":"u\\u0000","anonymousId":"\\u0000"}',
    f'{{"event":"x","userId":"u","properties":{{"a":{DEEP}}}}}',
    '{"event":"x","userId":"u","properties":{"d":"2020-01-01","t":"0000-00-00T00:00:00Z"}}',
    '{"event":"x","userId":"u","timestamp":"0000-01-01T00:00:00Z"}',
    '{"event":"x","userId":"u","timestamp":"9999-12-31T23:59:59Z"}',
    '{"event":"x","userId":"u","timestamp":"1970-01-01T00:00:00Z"}',
    '{"event":"x","userId":"u","timestamp":4102444799999,"sentAt":"1999-01-01T00:00:00Z"}',
    '{"event":"x","userId":"u","properties":{"l":[1,"a",null,{"z":[[],{}]},true]},"context":{"l":[]}}',
    '{"type":"identify","userId":"u","traits":{"a.b":1,"a":{"b":2},"email":{"x":1},"createdAt":"never","company":[1]}}',
    '{"type":"identify","userId":"u","traits":{"__proto__":{"x":1},"constructor":1,"\\u0000":"\\u0000"}}',
    '{"type":"alias","userId":"u","previousId":"g-u"}',
    '{"event":"Question Asked","userId":"u","properties":{"conversationId":"c","text":{"not":"text"},"topic":7}}',
    '{"event":"Feedback Given","userId":"u","properties":{"conversationId":"c","rating":1e300,"thumbs":["up"]}}',
    '{"event":"x","userId":"u","writeKey":"wk_of_somebody_else"}',
    '{"event":"x","userId":"u","projectId":"proj_other"}',
    "null",
    "7",
    '"x"',
    "[]",
    "{}",
]


def shared_examples() -> list[str]:
    """The inputs of every shared example, letter by letter: some of them no JSON writer would write."""
    texts = [path.read_text().rstrip() for path in sorted(EXAMPLES.rglob("*.json"))]
    inputs = [text.split('"input": ', 1)[1].removesuffix("}").rstrip() for text in texts]
    return [text.split(',\n  "event": {\n    "type"')[0] for text in inputs]


def test_every_event_is_kept_or_refused_with_a_reason_and_no_neighbour_is_held_up(tmp_path: Path) -> None:
    accepted = rejected = 0
    odd_events = ODD + shared_examples()
    with Stack(tmp_path) as stack:
        for number, odd in enumerate(odd_events):
            good = [f'{{"event":"ok","userId":"n","messageId":"{number}-{side}"}}' for side in (0, 1)]
            status, answer = stack.post("/v1/batch", f"[{good[0]},{odd},{good[1]}]".encode())
            assert status == 200, (odd[:80], answer)
            refused = answer["rejected"]
            assert isinstance(refused, list)
            assert [entry["index"] for entry in refused] in ([], [1]), odd[:80]
            assert answer["accepted"] == 3 - len(refused)
            accepted += 3 - len(refused)
            rejected += len(refused)
        assert rejected > 40
        wait_for(lambda: count(stack, "events") == accepted, "every accepted event to be readable")
        wait_for(lambda: count(stack, "quarantine") == rejected, "every rejected event to be in the quarantine")
        assert count(stack, "events WHERE event = 'ok'") == 2 * len(odd_events)
        assert count(stack, "quarantine WHERE stage = 'worker'") == 0, "the gateway took what ClickHouse does not"
        for table in ("events", "users", "conversations", "identities", "quarantine"):
            for row in stack.query(f"SELECT * FROM ask0.{table} FORMAT JSONEachRow").splitlines():
                assert isinstance(json.loads(row), dict)


def count(stack: Stack, rows: str) -> int:
    return int(stack.query(f"SELECT count() FROM ask0.{rows}"))
