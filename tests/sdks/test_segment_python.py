"""The unchanged segment-analytics-python, pointed at the gateway."""

from pathlib import Path

from segment.analytics.client import Client

from bench.stack import WRITE_KEY, Stack, wait_for

EVENTS = 10_000


def test_ten_thousand_events_arrive_once(tmp_path: Path) -> None:
    failures: list[object] = []
    with Stack(tmp_path) as stack:
        client = Client(
            WRITE_KEY,
            host=stack.url,
            gzip=True,
            max_queue_size=EVENTS + 10,
            on_error=lambda error, batch: failures.append(error),
        )
        client.identify("user_1", {"email": "john@example.com", "plan": "pro"})
        for n in range(EVENTS - 1):
            client.track(f"user_{n % 97}", "Button Clicked", {"n": n})
        client.shutdown()
        assert failures == []
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.events")) >= EVENTS, "all events to be visible")
        assert stack.query(
            "SELECT count(), uniqExact(message_id), uniqExact(properties.n.:Int64) FROM ask0.events"
        ) == (f"{EVENTS}\t{EVENTS}\t{EVENTS - 1}")
        assert stack.query("SELECT email, plan FROM ask0.users WHERE id = 'user_1'") == "john@example.com\tpro"
        assert stack.stop() == 0
