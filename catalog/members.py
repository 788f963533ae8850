"""Who may sign in, who is signed in, and what they may do where: in memory, as new as this process's replica."""

import secrets
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from ask0.catalog.collection import Collection, OfProject, Stored
from ask0.catalog.documents import write_document
from ask0.catalog.errors import CatalogError
from ask0.catalog.keys import now_ms
from ask0.catalog.replica import Replica
from ask0.catalog.rule import Outcome
from ask0.schemas.changes import name_of
from ask0.schemas.documents import subject_of
from ask0.schemas.members import (
    LINK,
    LINK_USED,
    MAX_LINKS,
    MAX_MEMBERS,
    MAX_SESSIONS,
    MEMBER,
    ROLE,
    SESSION,
    SESSION_ENDED,
    Link,
    LinkKind,
    Member,
    Role,
    Session,
    link_id,
)
from ask0.schemas.roles import BUILT_IN, EVERYWHERE, OWNER


class OfMember(OfProject, Protocol):
    @property
    def id(self) -> str: ...

    @property
    def member_id(self) -> str: ...


T = TypeVar("T", bound=OfMember)

NO_SCOPES: frozenset[str] = frozenset()


class Lifetimes(NamedTuple):
    """Of sessions, in ms: of any, and of one whose owner does nothing."""

    whole: int
    idle: int


class Wanted(NamedTuple):
    """A document to be written, or to be deleted where `body` is None, if these versions still stand."""

    kind: str
    subject: str
    body: msgspec.Struct | None
    action: str
    expects: Mapping[str, int] = {}
    project_id: str = ""  # whose audit log it belongs to


class By(NamedTuple):
    """Who wants it, for the audit log."""

    actor: str
    request: str = ""
    ip: str = ""


class LastOwner(CatalogError):
    """Nobody could manage the members any more."""


class Members:
    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.people = _People(replica, MEMBER, Member)
        self.sessions = _OfMembers(replica, SESSION, Session)
        self.links = _OfMembers(replica, LINK, Link)
        self.roles = Collection(replica, ROLE, Role)

    def get(self, id: str) -> Stored[Member] | None:
        return self.people.get("", id)

    def of_email(self, email: str) -> Member | None:
        """`email` as `email_of` writes it."""
        stored = self.get(self.people.by_email.get(email, ""))
        return stored.document if stored else None

    def of_subject(self, subject: str) -> Member | None:
        """`subject` as `subject_of_provider` has it."""
        stored = self.get(self.people.by_subject.get(subject, ""))
        return stored.document if stored else None

    def of_project(self, project_id: str) -> list[Member]:
        """Who has a role there, the first first."""
        found = [stored.document for stored in self.people.of("").values()]
        there = (member for member in found if member.role_in(project_id))
        return sorted(there, key=lambda member: (member.created_at, member.id))

    def role(self, project_id: str, id: str) -> tuple[str, frozenset[str]] | None:
        """Name and scopes."""
        if id in BUILT_IN:
            return BUILT_IN[id]
        stored = self.roles.get(project_id, subject_of(project_id, id))
        return (stored.document.name, frozenset(stored.document.scopes)) if stored else None

    def scopes(self, member: Member, project_id: str) -> frozenset[str] | None:
        """What they may do there; None where they have no role. A role that is gone allows nothing."""
        id = member.role_in(project_id)
        if id is None:
            return None
        role = self.role(project_id, id)
        return role[1] if role else NO_SCOPES

    def standing(self, id: str, now: int, lifetimes: Lifetimes) -> tuple[Session, Member] | None:
        """The session if it has not ended, with whose it is."""
        stored = self.sessions.get("", id)
        session = stored.document if stored else None
        if session is None or ends_at(session, lifetimes) <= now:
            return None
        member = self.get(session.member_id)
        return (session, member.document) if member else None

    def to_begin(self, session: Session, lifetimes: Lifetimes) -> Iterator[Wanted]:
        """Also what makes room for it."""
        own = sorted(self.sessions.of_member(session.member_id), key=lambda one: one.created_at)
        ended = [one for one in own if ends_at(one, lifetimes) <= session.created_at]
        standing = [one for one in own if one not in ended]
        yield Wanted(SESSION, session.id, session, "session.begun", {name_of(SESSION, session.id): 0})
        yield from map(to_end, [*ended, *standing[: max(0, len(standing) + 1 - MAX_SESSIONS)]])

    def to_edit(self, before: Stored[Member], after: Member, action: str, project_id: str = "") -> Wanted:
        expects = {name_of(MEMBER, after.id): before.version}
        return Wanted(MEMBER, after.id, after, action, expects, project_id)

    def to_give(self, member: Member | None, email: str, project_id: str, role: str, action: str) -> Wanted:
        """A role in a project, or EVERYWHERE, to somebody who is known or new. Whoever else is made or changed at the
        same time comes first, so that an email is one person's and an owner stays. Raises CatalogError."""
        if member is None and len(self.people.of("")) >= MAX_MEMBERS:
            raise CatalogError(f"there are {MAX_MEMBERS:,} members, which is as many as there may be: remove some")
        member = member or Member(id=new_id("mem_"), email=email, created_at=now_ms())
        roles = {**member.roles, project_id: role}
        if member.is_owner_of_all and roles.get(EVERYWHERE) != OWNER:
            self._check_owner_stays(member)
        after = replace(member, roles=roles)
        return Wanted(MEMBER, member.id, after, action, {MEMBER: self.people.version}, _audited(project_id))

    def to_take(self, member: Member, project_id: str) -> Iterator[Wanted]:
        """Their role there: whoever has none left is no member. Raises LastOwner."""
        roles = {project: role for project, role in member.roles.items() if project != project_id}
        expects = {MEMBER: self.people.version}
        if member.is_owner_of_all and project_id == EVERYWHERE:
            self._check_owner_stays(member)
        body = replace(member, roles=roles) if roles else None
        yield Wanted(MEMBER, member.id, body, "member.removed", expects, _audited(project_id))
        if not roles:
            yield from map(to_end, self.sessions.of_member(member.id))
            yield from map(to_use_up, self.links.of_member(member.id))

    def to_let_in(self, kind: LinkKind, member_id: str, token: str, project_id: str = "") -> Iterator[Wanted]:
        """By a link, in place of older ones of the kind."""
        own = sorted(self.links.of_member(member_id), key=lambda one: one.created_at)
        gone = [one for one in own if one.kind == kind]
        others = [one for one in own if one.kind != kind]
        link = Link(id=link_id(token), kind=kind, member_id=member_id, created_at=now_ms())
        yield Wanted(LINK, link.id, link, f"link.{kind}", {name_of(LINK, link.id): 0}, project_id)
        yield from map(to_use_up, [*gone, *others[: max(0, len(others) + 1 - MAX_LINKS)]])

    @property
    def nobody_can_sign_in(self) -> bool:
        """Nobody has a password yet: whoever runs the deployment is let in by a link."""
        return not any(stored.document.can_sign_in for stored in self.people.of("").values())

    def first_owner(self) -> Member | None:
        """Who came by the first link and has not said how to come again."""
        owners = [stored.document for stored in self.people.of("").values() if stored.document.is_owner_of_all]
        nameless = [owner for owner in owners if not owner.email]  # the others were invited by theirs
        return min(nameless, key=lambda owner: owner.created_at) if nameless else None

    def _check_owner_stays(self, member: Member) -> None:
        """Of those who can sign in."""
        others = (stored.document for stored in self.people.of("").values() if stored.document.id != member.id)
        if not any(other.is_owner_of_all and (other.can_sign_in or not member.can_sign_in) for other in others):
            raise LastOwner("nobody else is owner of everything: make somebody else an owner first")


class _People(Collection[Member]):
    def __init__(self, replica: Replica, kind: str, type: type[Member]) -> None:
        self.by_email: dict[str, str] = {}
        self.by_subject: dict[str, str] = {}
        super().__init__(replica, kind, type)

    def replaced(self, before: Member | None, after: Member | None) -> None:
        if before and self.by_email.get(before.email) == before.id:
            del self.by_email[before.email]
        if before and self.by_subject.get(before.subject) == before.id:
            del self.by_subject[before.subject]
        if after and after.email:
            self.by_email[after.email] = after.id
        if after and after.subject:
            self.by_subject[after.subject] = after.id


class _OfMembers(Collection[T]):
    """By whose they are, too."""

    def __init__(self, replica: Replica, kind: str, type: type[T]) -> None:
        self._own: dict[str, dict[str, T]] = {}  # by member, by id
        super().__init__(replica, kind, type)

    def of_member(self, member_id: str) -> list[T]:
        return [*self._own.get(member_id, {}).values()]

    def replaced(self, before: T | None, after: T | None) -> None:
        if before:
            own = self._own[before.member_id]
            del own[before.id]
            if not own:
                del self._own[before.member_id]
        if after:
            self._own.setdefault(after.member_id, {})[after.id] = after


def ends_at(session: Session, lifetimes: Lifetimes) -> int:
    return min(session.created_at + lifetimes.whole, session.seen_at + lifetimes.idle)


def to_end(session: Session) -> Wanted:
    return Wanted(SESSION, session.id, None, SESSION_ENDED)


def to_use_up(link: Link) -> Wanted:
    return Wanted(LINK, link.id, None, LINK_USED)


async def write_wanted(replica: Replica, wanted: Wanted, by: By) -> Outcome:
    """Raises what `write_document` raises."""
    return await write_document(
        replica,
        wanted.kind,
        wanted.subject,
        wanted.body,
        project_id=wanted.project_id,
        action=wanted.action,
        actor=by.actor,
        request=by.request,
        id=f"chg_{secrets.token_hex(16)}",
        expects=wanted.expects,
        ip=by.ip,
    )


def new_id(prefix: str) -> str:
    return prefix + secrets.token_hex(8)


def new_token() -> str:
    """Of a session or a link."""
    return secrets.token_urlsafe(32)


def _audited(project_id: str) -> str:
    return "" if project_id == EVERYWHERE else project_id
