"""What a page does behind its visitor's back: what it asks for, what goes wrong, and what it leaves in the browser."""

import json
from typing import Any, NamedTuple

from playwright.sync_api import Page, Request

from bench.stack import WRITE_KEY, wait_for

CHOICE = f"ask0.{WRITE_KEY}"  # what the person chose
WHO = f"{CHOICE}!"
TRACES = "({ local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie })"


class Traces(NamedTuple):
    """What the browser keeps for a site."""

    local: dict[str, str]
    session: dict[str, str]
    cookie: str


NOTHING = Traces({}, {}, "")


class Witness:
    """Hears a page from now on."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.beacons: list[str] = []
        self.questions: list[str] = []  # what was asked of /v1/user
        self.renewals: list[str] = []  # of the guest's cookie
        self.errors: list[str] = []  # that nobody has caught, in promises too
        self.console: list[str] = []
        page.on("request", self._hear)
        page.on("pageerror", lambda error: self.errors.append(error.message))
        page.on("console", lambda message: self.console.append(message.text))

    def _hear(self, request: Request) -> None:
        if request.url.endswith("/v1/user"):
            self.questions.append(request.post_data or "")
        elif request.url.endswith("/v1/cookie"):
            self.renewals.append(request.post_data or "")
        elif request.method == "POST":
            self.beacons.append(request.post_data or "")

    def events(self) -> list[dict[str, Any]]:
        return [event for beacon in self.beacons for event in json.loads(beacon)["batch"]]

    def settle(self) -> None:
        """Until all that the page has asked for is heard: a later request comes later."""
        with self.page.expect_request("**/settled"):
            self.page.evaluate("fetch('/settled').then(() => {})")


def traces(page: Page) -> Traces:
    found = page.evaluate(TRACES)
    return Traces(found["local"], found["session"], found["cookie"])


def state(page: Page) -> dict[str, Any]:
    """What the widget remembers of the person, empty if nothing."""
    local = traces(page).local
    choice = {"consent": json.loads(local[CHOICE])} if CHOICE in local else {}
    return {**choice, **json.loads(local.get(WHO, "{}"))}


def wait_until_answered(page: Page) -> None:
    """A tab's queue is in storage until the gateway has answered for it."""
    wait_for(lambda: set(traces(page).local) <= {CHOICE, WHO}, "an empty queue")
