"""The metrics of several processes, added up."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ask0.gateway.members import add_up


def described(events: int, connections: int, ready: int, wait: float) -> bytes:
    registry = CollectorRegistry()
    Counter("ask0_events", "Events", ["outcome"], registry=registry).labels("accepted").inc(events)
    Gauge("ask0_connections", "Open", registry=registry).set(connections)
    Gauge("ask0_ready", "Ready", ["part"], registry=registry).labels("log").set(ready)
    Gauge("ask0_backlog_seconds", "Wait", registry=registry).set(wait)
    Histogram("ask0_append_seconds", "Time", buckets=(1.0, 2.0), registry=registry).observe(1.5)
    return generate_latest(registry)


def test_counts_are_added_and_of_states_the_worse_one_is_told() -> None:
    lines = add_up([described(2, 10, 1, 0.5), described(3, 20, 0, 0.25), b""]).decode().splitlines()
    assert 'ask0_events_total{outcome="accepted"} 5.0' in lines
    assert "ask0_connections 30.0" in lines
    assert 'ask0_ready{part="log"} 0.0' in lines
    assert "ask0_backlog_seconds 0.5" in lines
    assert 'ask0_append_seconds_bucket{le="1.0"} 0.0' in lines
    assert 'ask0_append_seconds_bucket{le="2.0"} 2.0' in lines
    assert "ask0_append_seconds_count 2.0" in lines


def test_one_text_alone_says_what_it_said() -> None:
    one = described(2, 10, 1, 0.5)
    samples = {line for line in one.decode().splitlines() if line and not line.startswith("#")}
    assert samples == {line for line in add_up([one]).decode().splitlines() if line and not line.startswith("#")}
