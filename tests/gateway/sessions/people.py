"""People who sign in to a running gateway, each with a browser and an address of their own."""

import asyncio
import itertools
from typing import Any

import httpx

from ask0.catalog.members import By, Members, new_token, write_wanted
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas.members import LinkKind
from ask0.schemas.roles import EVERYWHERE
from bench.stack import wait_for
from tests.gateway.running import PROJECT, Running

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


class Person:
    """A browser, signed in or not."""

    def __init__(self, gateway: Running, **headers: str) -> None:
        number = next(_numbers)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.url, self.csrf = gateway.url, ""
        self.headers = {"x-forwarded-for": address, **headers}
        self.cookie = self.headers.pop("cookie", "")

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """As a page of the console does it. `path` is the whole one, or goes on after the project's."""
        whole = path if path.startswith("/v1") else f"/v1/projects/{PROJECT}{path}"
        told = {"x-csrf-token": self.csrf} if self.csrf else {}
        sent: dict[str, Any] = (
            {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        )
        own = {**self.headers, "cookie": self.cookie} if self.cookie else self.headers
        every = {**own, **told, **headers}
        # Without certificates, which take longer to read than the call does.
        answer = httpx.request(method, f"{self.url}{whole}", headers=every, timeout=30, verify=False, **sent)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        return self._begin(self.call("POST", "/v1/session", {"email": email, "password": password, **more}))

    def use_link(self, token: str, **more: str) -> httpx.Response:
        return self._begin(self.call("POST", "/v1/session/link/use", {"token": token, **more}))

    def set_password(self, new: str, old: str | None = None) -> httpx.Response:
        said = {"new": new} if old is None else {"new": new, "old": old}
        return self._begin(self.call("PATCH", "/v1/session/member", {"password": said}))

    @property
    def is_in(self) -> bool:
        return self.call("GET", "/v1/session").status_code == 200

    @property
    def id(self) -> str:
        found: str = self.call("GET", "/v1/session").json()["member"]["id"]
        return found

    def _begin(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            self.csrf = answer.json()["csrfToken"]
        return answer


def let_in(gateway: Running, email: str, role: str, project_id: str = PROJECT, kind: LinkKind = "invitation") -> str:
    """The token of a link, made as `ask0 member invite` does it."""

    async def make() -> str:
        replica = Replica(open_control(gateway.log_dsn))
        await replica.start()
        members, token = Members(replica), new_token()
        member_id = ""
        if kind != "first":
            there = members.of_email(email)
            if there is None or there.role_in(project_id) != role:
                await write_wanted(
                    replica, members.to_give(there, email, project_id, role, "member.invited"), By("cli")
                )
                there = members.of_email(email)
            assert there
            member_id = there.id
        for wanted in [*members.to_let_in(kind, member_id, token)]:
            await write_wanted(replica, wanted, By("cli"))
        await replica.close()
        return token

    return asyncio.run(make())


def person(gateway: Running, email: str, role: str, project_id: str = PROJECT) -> Person:
    """Invited and signed in."""
    token, somebody = let_in(gateway, email, role, project_id), Person(gateway)
    wait_until_known(somebody, token)
    answer = somebody.use_link(token, password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return somebody


def owner_of_all(gateway: Running, email: str) -> Person:
    return person(gateway, email, "owner", EVERYWHERE)


def wait_until_known(somebody: Person, token: str) -> None:
    """The gateway follows within moments what a command has written."""
    wait_for(
        lambda: somebody.call("POST", "/v1/session/link", {"token": token}).status_code == 200, "the gateway to know"
    )
