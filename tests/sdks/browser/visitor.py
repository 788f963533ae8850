"""Somebody in a browser, on a page that has an SDK, with a gate between it and the gateway."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.gate import Gate

FAULTS: Mapping[str, Callable[[Gate], None]] = {
    "503": lambda gate: gate.refuse(503, {"Retry-After": "1"}),
    "429": lambda gate: gate.refuse(429, {"Retry-After": "1"}),
    "cut": lambda gate: gate.cut(),
}


@dataclass
class Visitor:
    """`hosts` are all that the pages asked; `complaints` what they wrote to the console, and what they threw."""

    context: BrowserContext
    site: str
    gate: Gate
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def open(self, sdk: str, options: Mapping[str, Any]) -> Page:
        """A page with this SDK, loaded with these options and the gate's address."""
        page = self.context.new_page()
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        settings = {"gateway": self.gate.url, "writeKey": WRITE_KEY, "options": options}
        page.add_init_script(f"self.settings = {json.dumps(settings)}")
        page.goto(f"{self.site}{sdk}")
        page.evaluate("() => self.ready.then(() => null)")
        return page

    def assert_kept_to_itself(self, page: Page) -> None:
        """It asked nobody but its site and the gate, and has nothing to complain of."""
        page.close()  # what it said and asked until now has been heard
        assert self.hosts == {urlsplit(self.site).netloc, urlsplit(self.gate.url).netloc}
        assert self.complaints == []

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


def track(page: Page, event: str, count: int, then: str = "") -> None:
    page.evaluate(f"() => {{ for (let n = 0; n < {count}; n++) analytics.track('{event}', {{ n }}); {then} }}")


def track_into(fault: str, page: Page, gate: Gate, event: str, count: int) -> None:
    """The fault stays on; returns when every event has met it, in a 503 period twice."""
    FAULTS[fault](gate)
    track(page, event, count)
    met = 2 if fault == "503" else 1
    wait_for(lambda: len(message_ids(gate, met)) == count, f"{count} × {event} to meet {fault}")


def track_through(fault: str, page: Page, gate: Gate, event: str, count: int) -> None:
    """Returns when every event that met the fault has been taken after all."""
    track_into(fault, page, gate, event, count)
    gate.open()
    wait_for(lambda: message_ids(gate) == message_ids(gate, met=1), f"{event} to be sent again")


def message_ids(gate: Gate, met: int = 0) -> set[str]:
    """Of the events that were taken; or of those that met a fault, so many times."""
    beacons = [json.loads(seen.body) for seen in gate.beacons if (seen.status != 200) == (met > 0)]
    ids = [str(event["messageId"]) for beacon in beacons for event in beacon.get("batch", [beacon])]
    return {id for id in ids if ids.count(id) >= met}


def arrived(stack: Stack, event: str) -> str:
    return stack.query(
        f"SELECT count(), uniqExact(message_id), uniqExact(properties.n) FROM ask0.events WHERE event = '{event}'"
    )


def wait_until_arrived(stack: Stack, event: str, count: int) -> None:
    """A later event is the sign that whatever could come has come."""
    expected = f"{count}\t{count}\t{count}"
    wait_for(lambda: arrived(stack, event) == expected, f"{count} × {event}")
    stack.post("/v1/track", {"event": f"After {event}", "anonymousId": "sentinel", "properties": {"n": 1}})
    wait_for(lambda: arrived(stack, f"After {event}") == "1\t1\t1", "the sentinel")
    assert arrived(stack, event) == expected


def come_back(stack: Stack, visitor: Visitor, sdk: str, options: Mapping[str, Any], event: str) -> None:
    """Leaves a page whose events were all refused, and visits again."""
    page = visitor.open(sdk, options)
    track_into("429", page, visitor.gate, event, 20)
    page.goto("about:blank")
    visitor.gate.open()
    visitor.open(sdk, options)
    wait_until_arrived(stack, event, 20)


def wait_for_calls(stack: Stack, guest: str, user: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The calls but track, of these kinds in this order, once they are all there and the user's."""
    expected = [(kind, user) for kind in kinds]
    wait_for(
        lambda: [(call["type"], call["user_id"]) for call in calls_of(stack, guest)] == expected,
        "the other calls, all of them the user's",
    )
    return calls_of(stack, guest)


def calls_of(stack: Stack, guest: str) -> list[dict[str, Any]]:
    """What the guest's page called but track, by type."""
    rows = stack.query(
        "SELECT type, event, user_id, group_id, properties FROM ask0.events"
        f" WHERE anonymous_id = '{guest}' AND type != 'track' ORDER BY type FORMAT JSONEachRow"
    )
    return [json.loads(row) for row in rows.splitlines()]


def wait_until_traits_are(stack: Stack, user: str, traits: str) -> None:
    """`email, plan, teamSize`, tab-separated."""
    found = f"SELECT email, plan, traits.teamSize FROM ask0.users WHERE id = '{user}'"
    wait_for(lambda: stack.query(found) == traits, f"the traits of {user}")
