"""Signing in with a password or a link, and signing out."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogUnavailable, MovedOn
from ask0.catalog.keys import now_ms
from ask0.catalog.members import (
    By,
    Wanted,
    ends_at,
    new_id,
    new_token,
    to_end,
    to_use_up,
    write_wanted,
)
from ask0.catalog.passwords import WeakPassword, check_strength, hash_password, is_right, step_of
from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.errors import GatewayError, QuotaExceeded, ServiceUnavailable, Unauthorized, unprocessable
from ask0.gateway.operations import Asked
from ask0.gateway.sessions.attempts import Attempts
from ask0.gateway.sessions.records import Records
from ask0.gateway.sessions.standing import Sessions
from ask0.gateway.sessions.writes import carry_out
from ask0.schemas.events import write_time
from ask0.schemas.member_api import SignedIn
from ask0.schemas.members import (
    LINK,
    MAX_DEVICE_CHARS,
    MEMBER,
    Link,
    LinkKind,
    Member,
    Session,
    csrf_token,
    email_of,
    link_id,
    session_id,
)
from ask0.schemas.roles import EVERYWHERE, OWNER

MOST_AT_ONCE = 8  # passwords that wait to be looked at: a flood of them delays nobody else

WRONG = "the email or the password is wrong"
USED = "this link was used, has expired, or never was: ask for a new one (`ask0 member reset` makes one, too)"

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Gone(GatewayError):
    status = 410
    code = "link_used"


class SignIns:
    def __init__(self, sessions: Sessions, catalog: CatalogCache, records: Records) -> None:
        self._sessions, self.members, self.cookies = sessions, sessions.members, sessions.cookies
        self.oidc: dict[str, str] | None = None  # the other way in, where there is one
        self._catalog, self._records = catalog, records
        self._attempts = Attempts()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._waiting = 0

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def methods(self, asked: Asked) -> Response:
        token = self.cookies.token(asked.request.scope, dict(asked.request.scope["headers"]))
        is_in = token and self.members.standing(session_id(token), now_ms(), self._sessions.lifetimes)
        return JSONResponse({"signedIn": bool(is_in), "password": True, "oidc": self.oidc})

    async def who(self, asked: Asked) -> Response:
        token = self.cookies.token(asked.request.scope, dict(asked.request.scope["headers"])) or ""
        return self.signed_in(asked, token)

    async def sign_in(self, asked: Asked) -> Response:
        """Whether the person or the password is unknown is not told, nor by how long it takes."""
        self.check_page(asked)
        email, by = email_of(asked.body.email), self.by(asked)
        whose = f"address {self.address(asked)}", f"person {email}"
        self._attempts.check(*whose, now=time.monotonic())
        member = self.members.of_email(email) if email else None
        # Counted as failed until it is right, so that no more are under way than may fail.
        self._attempts.fail(*whose, now=time.monotonic())
        if not await self.verify(member.password if member else "", asked.body.password) or member is None:
            self._records.failed(member, by)
            raise Unauthorized(WRONG, code="wrong_sign_in")
        if member.totp:
            member = await self._with_code(member, asked.body.code, whose, by)
        self._attempts.succeed(*whose)
        return await self.begin(asked, member, by._replace(actor=f"member:{member.id}"))

    async def sign_out(self, asked: Asked) -> Response:
        session = self.members.sessions.get("", asked.caller.session)
        if session:
            await carry_out(self.members, lambda: [to_end(session.document)], self.by(asked))
        return Response(status_code=204, headers=self.cookies.to_set(asked.request.scope, "", 0))

    async def look_at_link(self, asked: Asked) -> Response:
        link, member = self._link(asked.body.token)
        names = [self._catalog.current.projects[id].name for id in self._sessions.projects_of(member)] if member else []
        email, name = member.email if member else "", names[0] if len(names) == 1 else None
        return JSONResponse({"kind": link.kind, "email": email, "projectName": name})

    async def use_link(self, asked: Asked) -> Response:
        self.check_page(asked)
        link, member = self._link(asked.body.token)
        hashed = ""
        if member is not None:
            hashed = await self.hash_new(asked.body.password or "", member)
        by = self.by(asked)._replace(actor=f"link:{link.id}")
        await self._use_up(link, by)
        if member is None:
            member = await self._first_owner(by)
        else:
            member = await self.edit(
                member,
                lambda now: _come(now, link.kind, hashed, asked.body.name),
                f"member.{'accepted' if link.kind == 'invitation' else 'password_reset'}",
                by,
            )
            await self.end_others(member, "", by)
        return await self.begin(asked, member, by._replace(actor=f"member:{member.id}"))

    async def begin(self, asked: Asked, member: Member, by: By) -> Response:
        return self.signed_in(asked, await self.open(asked, member, by))

    async def open(self, asked: Asked, member: Member, by: By) -> str:
        """The token of a new session, whatever the browser had before: one that was there already is nobody's."""
        token, headers = new_token(), asked.request.headers
        device = " ".join(headers.get("user-agent", "").split())[:MAX_DEVICE_CHARS]
        now = now_ms()
        session = Session(
            id=session_id(token), member_id=member.id, created_at=now, seen_at=now, ip=by.ip, device=device
        )
        await carry_out(self.members, lambda: self.members.to_begin(session, self._sessions.lifetimes), by)
        self._records.signed_in(member, by)
        return token

    def signed_in(self, asked: Asked, token: str) -> Response:
        """As SignedIn, with the cookie. Raises Unauthorized."""
        found = self.members.standing(session_id(token), now_ms(), self._sessions.lifetimes)
        if found is None:
            raise Unauthorized("you are not signed in, or no longer: sign in again", code="no_session")
        session, member = found
        ends = session.created_at + self._sessions.lifetimes.whole
        shown = {
            "member": {
                "id": member.id,
                "email": member.email,
                "name": member.name,
                "hasPassword": bool(member.password),
                "hasCode": bool(member.totp),
            },
            "csrfToken": csrf_token(token),
            "projects": [self._project(member, id) for id in self._sessions.projects_of(member)],
            "expiresAt": write_time(min(ends_at(session, self._sessions.lifetimes), ends)),
        }
        cookie = self.cookies.to_set(asked.request.scope, token, max(1, (ends - now_ms()) // 1000))
        return JSONResponse(SignedIn.model_validate(shown).model_dump(by_alias=True), headers=cookie)

    async def verify(self, hashed: str, password: str) -> bool:
        """Raises QuotaExceeded when too many wait."""
        return await self._in_thread(is_right, hashed, password)

    async def hash_new(self, password: str, member: Member) -> str:
        """Raises Unprocessable for a weak one."""
        try:
            kept = check_strength(password, about=member.email)
            kept.encode()
        except (WeakPassword, UnicodeEncodeError) as error:
            message = str(error) if isinstance(error, WeakPassword) else "this password is no text"
            raise unprocessable("password", message, code="weak_password") from None
        return await self._in_thread(hash_password, kept)

    async def edit(self, member: Member, change: Any, action: str, by: By) -> Member:
        """`change` makes the new one of the one that stands. Raises Unauthorized for one who is gone."""

        def find() -> list[Wanted]:
            stored = self.members.get(member.id)
            if stored is None:
                raise Unauthorized("you are no member any more", code="no_session")
            return [self.members.to_edit(stored, change(stored.document), action)]

        return await self.change(member, find, action, by)

    async def change(self, member: Member, find: Callable[[], Iterable[Wanted]], action: str, by: By) -> Member:
        """What `find` makes of them. Raises what it and `carry_out` raise."""
        await carry_out(self.members, find, by)
        self._records.told(member, action, by)
        stored = self.members.get(member.id)
        return stored.document if stored else member

    async def end_others(self, member: Member, but: str, by: By) -> None:
        others = [one for one in self.members.sessions.of_member(member.id) if one.id != but]
        for one in others:
            await carry_out(self.members, lambda one=one: [to_end(one)], by)  # type: ignore[misc]

    def failed(self, member: Member, by: By) -> None:
        self._records.failed(member, by)

    def check_page(self, asked: Asked) -> None:
        self.cookies.check_page(asked.request.scope, dict(asked.request.scope["headers"]))

    def by(self, asked: Asked) -> By:
        headers: Mapping[bytes, bytes] = dict(asked.request.scope["headers"])
        ip = asked.caller.ip or self._records.addresses.kept(asked.request.scope, headers)
        return By(asked.caller.actor, asked.request.scope.get(REQUEST_ID, ""), ip)

    async def check_code(self, member: Member, code: str, by: By) -> Member:
        """Of whoever has them on: each counts once, whoever else sends it at the same time. Raises Unauthorized."""
        step = step_of(self._catalog.seal.open(member.totp, member.id), code, member.totp_step)
        stored = self.members.get(member.id)
        if step is None or stored is None or stored.document.totp_step >= step:
            raise Unauthorized("this code is wrong, or was used: wait for the next one", code="wrong_code")
        after = replace(stored.document, totp_step=step)
        try:
            await write_wanted(self.members.replica, self.members.to_edit(stored, after, "member.code_used"), by)
        except MovedOn:
            raise Unauthorized("this code was used: wait for the next one", code="wrong_code") from None
        except CatalogUnavailable as error:
            raise ServiceUnavailable(str(error)) from error
        return after

    async def _with_code(self, member: Member, code: str | None, whose: tuple[str, ...], by: By) -> Member:
        if code is None:
            self._attempts.succeed(*whose)  # as far as it went
            raise Unauthorized("send the one-time code of your authenticator app too", code="code_needed")
        try:
            return await self.check_code(member, code, by._replace(actor=f"member:{member.id}"))
        except Unauthorized:
            self._records.failed(member, by)
            raise

    def _link(self, token: str) -> tuple[Link, Member | None]:
        """Raises Gone."""
        stored = self.members.links.get("", link_id(token))
        if stored is None or stored.document.has_expired(now_ms()):
            raise Gone(USED)
        link = stored.document
        if link.kind == "first":
            if not self.members.nobody_can_sign_in:
                raise Gone(USED)
            return link, None
        member = self.members.get(link.member_id)
        if member is None:
            raise Gone(USED)
        return link, member.document

    async def _use_up(self, link: Link, by: By) -> None:
        """Of two who use it at the same time one is let in. Raises Gone."""
        stored = self.members.links.get("", link.id)
        if stored is None:
            raise Gone(USED)
        wanted = to_use_up(link)._replace(expects={f"{LINK}/{link.id}": stored.version})
        try:
            await write_wanted(self.members.replica, wanted, by)
        except MovedOn:
            raise Gone(USED) from None
        except CatalogUnavailable as error:
            raise ServiceUnavailable(str(error)) from error

    async def _first_owner(self, by: By) -> Member:
        there = self.members.first_owner()
        if there:
            return there
        owner = Member(id=new_id("mem_"), email="", created_at=now_ms(), roles={EVERYWHERE: OWNER})

        def find() -> list[Wanted]:
            return [Wanted(MEMBER, owner.id, owner, "member.added", {MEMBER: self.members.people.version})]

        await carry_out(self.members, find, by)
        return owner

    def _project(self, member: Member, id: str) -> dict[str, Any]:
        role = member.role_in(id) or ""
        name, scopes = self.members.role(id, role) or (role, frozenset())
        project = self._catalog.current.projects[id]
        return {"id": id, "name": project.name, "role": role, "roleName": name, "scopes": sorted(scopes)}

    def address(self, asked: Asked) -> str:
        headers: Mapping[bytes, bytes] = dict(asked.request.scope["headers"])
        return self._records.addresses.sender(asked.request.scope, headers)

    async def _in_thread(self, question: Callable[..., T], *args: str) -> T:
        if self._waiting >= MOST_AT_ONCE:
            raise QuotaExceeded("too many people sign in at once: try again", retry_after=1, code="too_many_attempts")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, question, *args)
        finally:
            self._waiting -= 1


def _come(member: Member, kind: LinkKind, password: str, name: str | None) -> Member:
    """By a link. A reset leaves nothing else of how they have signed in."""
    after = replace(member, password=password, name=name or member.name)
    return replace(after, totp="", issuer="", subject="") if kind == "reset" else after
