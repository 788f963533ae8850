"""What somebody who is signed in does about themselves: name, password, one-time codes, other sessions."""

import time

from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogError
from ask0.catalog.keys import now_ms
from ask0.catalog.members import By, Wanted, to_end
from ask0.catalog.passwords import is_secret, new_secret, step_of, uri_of
from ask0.gateway.errors import Conflict, NotFound, Unauthorized, unprocessable
from ask0.gateway.operations import Asked
from ask0.gateway.sessions.attempts import Attempts
from ask0.gateway.sessions.sign_in import SignIns
from ask0.gateway.sessions.standing import Sessions
from ask0.gateway.sessions.writes import carry_out
from ask0.schemas.events import write_time
from ask0.schemas.member_api import OwnEdit
from ask0.schemas.members import MEMBER, Member, email_of


class Accounts:
    def __init__(self, sessions: Sessions, sign_ins: SignIns, catalog: CatalogCache) -> None:
        self._sessions, self._members = sessions, sessions.members
        self._sign_ins, self._catalog = sign_ins, catalog
        self._attempts = Attempts()  # to guess a password or a code from within a session

    async def edit(self, asked: Asked) -> Response:
        """A new password ends all sessions, and this one goes on as a new one."""
        member, by, said = self._member(asked), self._sign_ins.by(asked), asked.body
        if said.email is not None:
            member = await self._say_email(member, email_of(said.email), by)
        if said.name is not None:
            member = await self._sign_ins.edit(member, lambda now: replace(now, name=said.name), "member.renamed", by)
        if said.password is None:
            token = self._sessions.cookies.token(asked.request.scope, dict(asked.request.scope["headers"])) or ""
            return self._sign_ins.signed_in(asked, token)
        hashed = await self._new_password(member, said)
        member = await self._sign_ins.edit(
            member, lambda now: replace(now, password=hashed), "member.password_changed", by
        )
        await self._sign_ins.end_others(member, "", by)
        return await self._sign_ins.begin(asked, member, by)

    async def sessions(self, asked: Asked) -> Response:
        member, now = self._member(asked), now_ms()
        own = self._members.sessions.of_member(member.id)
        standing = [one for one in own if self._members.standing(one.id, now, self._sessions.lifetimes)]
        shown = [
            {
                "id": one.id,
                "createdAt": write_time(one.created_at),
                "seenAt": write_time(one.seen_at),
                "ip": one.ip or None,
                "device": one.device or None,
                "current": one.id == asked.caller.session,
            }
            for one in sorted(standing, key=lambda one: -one.seen_at)
        ]
        return JSONResponse({"sessions": shown})

    async def end_session(self, asked: Asked) -> Response:
        member, id = self._member(asked), asked.request.path_params["id"]
        stored = self._members.sessions.get("", id)
        if stored is None or stored.document.member_id != member.id:
            raise NotFound("this is none of your sessions, or it has ended", code="unknown_session")
        await carry_out(self._members, lambda: [to_end(stored.document)], self._sign_ins.by(asked))
        return Response(status_code=204)

    async def new_code(self, asked: Asked) -> Response:
        member = self._member(asked)
        if member.totp:
            raise Conflict("one-time codes are on already: turn them off first", code="exists")
        secret = new_secret()
        return JSONResponse({"secret": secret, "uri": uri_of(secret, member.email)})

    async def turn_code_on(self, asked: Asked) -> Response:
        member, secret = self._member(asked), asked.body.secret
        if member.totp:
            raise Conflict("one-time codes are on already: turn them off first", code="exists")
        if not member.password:
            raise Conflict("set a password first: codes are asked for beside it", code="not_possible")
        step = step_of(secret, asked.body.code) if is_secret(secret) else None
        if step is None:
            raise unprocessable(
                "code", "the code is not of this secret and this moment: look at both clocks", code="wrong_code"
            )
        try:
            sealed = self._catalog.seal.close(secret, member.id)
        except CatalogError as error:
            raise Conflict(str(error), code="not_possible") from error
        await self._sign_ins.edit(
            member,
            lambda now: replace(now, totp=sealed, totp_step=step),
            "member.code_turned_on",
            self._sign_ins.by(asked),
        )
        return Response(status_code=204)

    async def turn_code_off(self, asked: Asked) -> Response:
        member, by = self._member(asked), self._sign_ins.by(asked)
        if not member.totp:
            return Response(status_code=204)
        self._attempt(member)
        member = await self._sign_ins.check_code(member, asked.body.code, by)
        self._attempts.succeed(member.id)
        await self._sign_ins.edit(member, lambda now: replace(now, totp="", totp_step=0), "member.code_turned_off", by)
        return Response(status_code=204)

    def _member(self, asked: Asked) -> Member:
        stored = self._members.get(asked.caller.actor.removeprefix("member:"))
        if stored is None:
            raise Unauthorized("you are no member any more", code="no_session")
        return stored.document

    def _attempt(self, member: Member) -> None:
        now = time.monotonic()
        self._attempts.check(member.id, now=now)
        self._attempts.fail(member.id, now=now)

    async def _new_password(self, member: Member, said: OwnEdit) -> str:
        assert said.password
        if member.password:
            self._attempt(member)
            if not await self._sign_ins.verify(member.password, said.password.old or ""):
                raise unprocessable("password.old", "this is not the password that you have now", code="wrong_password")
            self._attempts.succeed(member.id)
        return await self._sign_ins.hash_new(said.password.new, member)

    async def _say_email(self, member: Member, email: str, by: By) -> Member:
        """Once: whoever could change it could take another's place at the next invitation."""
        if member.email == email:
            return member

        def find() -> list[Wanted]:
            stored = self._members.get(member.id)
            if stored is None or stored.document.email:
                raise Conflict("your email stands: an owner can remove and invite you anew", code="not_possible")
            if self._members.of_email(email):
                raise Conflict("somebody else has this email", code="exists")
            after = replace(stored.document, email=email)
            return [Wanted(MEMBER, member.id, after, "member.email_set", {MEMBER: self._members.people.version})]

        await carry_out(self._members, find, by)
        stored = self._members.get(member.id)
        return stored.document if stored else member
