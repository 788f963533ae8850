"""Who is signed in: a session in place of a secret key, with what its member may do in the project of the path."""

import asyncio
import hmac
import logging
from collections.abc import Mapping

from msgspec.structs import replace
from starlette.requests import Request

from ask0.catalog.cache import CatalogCache
from ask0.catalog.errors import CatalogError
from ask0.catalog.keys import now_ms
from ask0.catalog.members import By, Lifetimes, Members, Wanted, write_wanted
from ask0.gateway.api.paths import OWN
from ask0.gateway.callers import Access, Caller
from ask0.gateway.errors import Forbidden, NotFound, Unauthorized
from ask0.gateway.sessions.cookies import Cookies
from ask0.schemas.members import SESSION, SESSION_SEEN, Member, Session, csrf_token, session_id
from ask0.schemas.roles import EVERYWHERE

READING = ("GET", "HEAD")
NOTED_MS = 300_000  # that somebody is still there is written down this often, at most

logger = logging.getLogger(__name__)


class Sessions:
    def __init__(self, members: Members, catalog: CatalogCache, cookies: Cookies, lifetimes: Lifetimes) -> None:
        self.members, self.cookies, self.lifetimes = members, cookies, lifetimes
        self._catalog = catalog
        self._noting: dict[str, asyncio.Task[None]] = {}

    def has_token(self, request: Request, headers: Mapping[bytes, bytes]) -> bool:
        return self.cookies.token(request.scope, headers) is not None

    def caller(self, access: Access, request: Request, headers: Mapping[bytes, bytes], ip: str) -> Caller:
        """Raises Unauthorized without a session that stands, Forbidden for a page of another site and a write without
        its token, NotFound for a project where the member has no role."""
        token = self.cookies.token(request.scope, headers)
        found = self.members.standing(session_id(token), now_ms(), self.lifetimes) if token else None
        if token is None or found is None:
            raise Unauthorized("you are not signed in, or no longer: sign in again", code="no_session")
        if request.method not in READING:
            self.cookies.check_page(request.scope, headers)
            if not hmac.compare_digest(headers.get(b"x-csrf-token", b""), csrf_token(token).encode()):
                raise Forbidden(
                    "X-CSRF-Token is not that of this session: GET /v1/session tells it", code="wrong_csrf_token"
                )
        session, member = found
        self._note(session)
        actor, id = f"member:{member.id}", session.id
        if access is Access.MEMBER:
            return Caller(access, "", actor, ip=ip, session=id)
        project_id = self._project(member, request.path_params["project"])
        scopes = self.members.scopes(member, project_id)
        if scopes is None:
            raise NotFound("you have no role in this project", code="unknown_project")
        return Caller(access, project_id, actor, scopes, ip, id)

    def stands(self, caller: Caller) -> bool:
        """Whether the caller's session still does: for answers that go on for long."""
        found = self.members.standing(caller.session, now_ms(), self.lifetimes)
        scopes = self.members.scopes(found[1], caller.project_id) if found else None
        return scopes is not None and caller.scopes <= scopes

    def projects_of(self, member: Member) -> list[str]:
        """The oldest first."""
        there = self._catalog.current.projects
        own = there if EVERYWHERE in member.roles else [id for id in member.roles if id in there]
        return sorted(own, key=lambda id: (there[id].created_at, id))

    async def close(self) -> None:
        await asyncio.gather(*self._noting.values(), return_exceptions=True)

    def _project(self, member: Member, named: str) -> str:
        if named != OWN:
            if named not in self._catalog.current.projects:
                raise NotFound("you have no role in this project", code="unknown_project")
            return named
        own = self.projects_of(member)
        if len(own) != 1:
            raise NotFound("`-` is the project of who has just one: name it in its place", code="unknown_project")
        return own[0]

    def _note(self, session: Session) -> None:
        """Nobody waits for it, and it may fail: the next call notes it."""
        now = now_ms()
        if now - session.seen_at < NOTED_MS or session.id in self._noting:
            return
        task = asyncio.create_task(self._write(replace(session, seen_at=now)))
        self._noting[session.id] = task
        task.add_done_callback(lambda done: self._noting.pop(session.id, None))

    async def _write(self, session: Session) -> None:
        stored = self.members.sessions.get("", session.id)
        if stored is None:
            return
        expects = {f"{SESSION}/{session.id}": stored.version}
        try:
            await write_wanted(
                self.members.replica, Wanted(SESSION, session.id, session, SESSION_SEEN, expects), By("ask0")
            )
        except CatalogError as error:
            logger.debug("that a session is in use is not noted now: %s", error)
