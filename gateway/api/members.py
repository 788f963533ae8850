"""Members of a project and the roles that it has made, as their owners and admins see and change them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.members import By, Members, Wanted, new_token
from ask0.gateway.answers import REQUEST_ID
from ask0.gateway.api.member_mail import MemberMail
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access, Caller
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import BadRequest, Conflict, Forbidden, NotFound
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.origins import Origins
from ask0.gateway.sessions.writes import carry_out
from ask0.schemas import member_api
from ask0.schemas.changes import name_of
from ask0.schemas.documents import subject_of
from ask0.schemas.events import write_time
from ask0.schemas.members import ENTER, ROLE, LinkKind, Member, Role, email_of
from ask0.schemas.roles import BUILT_IN, EVERYWHERE, MAX_ROLES, OWNER


class Sent(NamedTuple):
    link: str | None
    mailed: bool | None


class ProjectMembers:
    def __init__(self, members: Members, origins: Origins, mail: MemberMail) -> None:
        self._members, self._origins, self._mail = members, origins, mail

    async def list(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        shown = [self._show(member, project_id) for member in self._members.of_project(project_id)]
        return JSONResponse({"members": shown})

    async def invite(self, asked: Asked) -> Response:
        project_id, email, role = project_of(asked), email_of(asked.body.email), asked.body.role
        self._check_may_give(asked.caller, project_id, role)

        def find() -> Iterable[Wanted]:
            there = self._members.of_email(email)
            if there and there.role_in(project_id):
                raise Conflict("they have a role in this project already: change it", code="exists")
            return [self._members.to_give(there, email, project_id, role, "member.invited")]

        await carry_out(self._members, find, _by(asked))
        member = self._members.of_email(email)
        assert member
        is_theirs_to_have = not member.can_sign_in and self._may_have_link(asked.caller, member, project_id)
        link = await self._link(asked, member, "invitation", project_id) if is_theirs_to_have else Sent(None, None)
        return JSONResponse({"member": self._show(member, project_id), **link._asdict()}, status_code=201)

    async def change(self, asked: Asked) -> Response:
        project_id, role = project_of(asked), asked.body.role
        self._check_may_give(asked.caller, project_id, role)

        def find() -> Iterable[Wanted]:
            member = self._find(asked, project_id)
            self._check_may_manage(asked.caller, member, project_id)
            return [self._members.to_give(member, "", _where(member, project_id), role, "member.role_changed")]

        await carry_out(self._members, find, _by(asked))
        return JSONResponse({"member": self._show(self._find(asked, project_id), project_id)})

    async def remove(self, asked: Asked) -> Response:
        project_id = project_of(asked)

        def find() -> Iterable[Wanted]:
            member = self._find(asked, project_id)
            if asked.caller.actor != f"member:{member.id}":
                self._check_may_manage(asked.caller, member, project_id)
            return self._members.to_take(member, _where(member, project_id))

        await carry_out(self._members, find, _by(asked))
        return Response(status_code=204)

    async def reset(self, asked: Asked) -> Response:
        """Whoever has the link becomes them, in every project where they have a role."""
        project_id = project_of(asked)
        member = self._find(asked, project_id)
        self._check_may_manage(asked.caller, member, project_id)
        if not self._may_have_link(asked.caller, member, project_id):
            raise Forbidden(
                "they have roles in other projects too: an owner of everything, or `ask0 member reset`, can do this",
                code="not_yours",
            )
        kind: LinkKind = "reset" if member.can_sign_in else "invitation"
        return JSONResponse((await self._link(asked, member, kind, project_id))._asdict())

    async def roles(self, asked: Asked) -> Response:
        project_id = project_of(asked)
        built_in = [_show_role(id, role.name, role.scopes, built_in=True) for id, role in BUILT_IN.items()]
        own = [stored.document for stored in self._members.roles.of(project_id).values()]
        made = [_show_role(one.id, one.name, one.scopes) for one in sorted(own, key=lambda one: one.id)]
        return JSONResponse({"roles": [*built_in, *made]})

    async def put_role(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        if id in BUILT_IN:
            raise Conflict("this role is built in: make one of another id", code="exists")
        if not member_api.is_role_id(id):
            raise BadRequest("a role's id is a-z, 0-9, - and _, at most 50 of them", code="invalid_role")
        _check_has(asked.caller, asked.body.scopes)
        role = Role(project_id=project_id, id=id, name=asked.body.name, scopes=tuple(dict.fromkeys(asked.body.scopes)))
        subject = subject_of(project_id, id)

        def find() -> Iterable[Wanted]:
            there = self._members.roles.of(project_id)
            if subject in there:
                _check_has(asked.caller, there[subject].document.scopes)
            elif len(there) >= MAX_ROLES:
                raise Conflict(f"a project has at most {MAX_ROLES} roles of its own: delete some", code="not_possible")
            version = self._members.replica.state.version_of(ROLE, subject)
            return [Wanted(ROLE, subject, role, "role.put", {name_of(ROLE, subject): version}, project_id)]

        await carry_out(self._members, find, _by(asked))
        return JSONResponse({"role": _show_role(id, role.name, role.scopes)})

    async def delete_role(self, asked: Asked) -> Response:
        project_id, id = project_of(asked), asked.request.path_params["id"]
        subject = subject_of(project_id, id)

        def find() -> Iterable[Wanted]:
            stored = self._members.roles.get(project_id, subject)
            if stored is None:
                raise NotFound("there is no such role of the project's own", code="unknown_role")
            _check_has(asked.caller, stored.document.scopes)
            if any(member.role_in(project_id) == id for member in self._members.of_project(project_id)):
                raise Conflict("members have this role: give them another one first", code="not_possible")
            expects = {name_of(ROLE, subject): stored.version}
            return [Wanted(ROLE, subject, None, "role.deleted", expects, project_id)]

        await carry_out(self._members, find, _by(asked))
        return Response(status_code=204)

    def _find(self, asked: Asked, project_id: str) -> Member:
        stored = self._members.get(asked.request.path_params["id"])
        if stored is None or not stored.document.role_in(project_id):
            raise NotFound("nobody with this id is a member of the project", code="unknown_member")
        return stored.document

    def _check_may_give(self, caller: Caller, project_id: str, role: str) -> None:
        """Nobody gives more than they have. Raises BadRequest for an unknown role, Forbidden."""
        found = self._members.role(project_id, role)
        if found is None:
            raise BadRequest("there is no such role: see GET /roles", code="unknown_role")
        _check_has(caller, found[1])
        if role == OWNER and not self._is_owner(caller, project_id):
            raise Forbidden("only an owner makes owners", code="not_yours")

    def _check_may_manage(self, caller: Caller, member: Member, project_id: str) -> None:
        """Raises Forbidden for who may do more than the caller."""
        _check_has(caller, self._members.scopes(member, project_id) or ())
        if member.is_owner_of_all and not self._is_owner_of_all(caller):
            raise Forbidden("they own every project: only another such owner changes that", code="not_yours")
        if member.role_in(project_id) == OWNER and not self._is_owner(caller, project_id):
            raise Forbidden("only an owner changes or removes owners", code="not_yours")

    def _may_have_link(self, caller: Caller, member: Member, project_id: str) -> bool:
        """Whoever has it becomes the member, wherever that has a role."""
        return not {*member.roles} - {project_id} or self._is_owner_of_all(caller)

    def _is_owner(self, caller: Caller, project_id: str) -> bool:
        stored = self._members.get(caller.actor.removeprefix("member:"))
        return bool(stored and stored.document.role_in(project_id) == OWNER)

    def _is_owner_of_all(self, caller: Caller) -> bool:
        stored = self._members.get(caller.actor.removeprefix("member:"))
        return bool(stored and stored.document.is_owner_of_all)

    async def _link(self, asked: Asked, member: Member, kind: LinkKind, project_id: str) -> Sent:
        """It stands whether it is mailed or not."""
        token = new_token()
        await carry_out(self._members, lambda: self._members.to_let_in(kind, member.id, token, project_id), _by(asked))
        link = f"{self._origins.of(asked.request.scope)}{ENTER}{token}"
        return Sent(link, await self._mail.send(member, kind, link, project_id, _by(asked)))

    def _show(self, member: Member, project_id: str) -> dict[str, Any]:
        seen = [one.created_at for one in self._members.sessions.of_member(member.id)]
        return {
            "id": member.id,
            "email": member.email,
            "name": member.name,
            "role": member.role_in(project_id),
            "status": "active" if member.can_sign_in or seen else "invited",
            "everywhere": _where(member, project_id) == EVERYWHERE,
            "lastSignInAt": write_time(max(seen)) if seen else None,
            "hasCode": bool(member.totp),
        }


def members_group(entrance: Entrance, members: ProjectMembers) -> Group:
    path, one = f"{BASE}/members", f"{BASE}/members/{{id}}"
    roles, role = f"{BASE}/roles", f"{BASE}/roles/{{id}}"
    shown = {200: member_api.MemberAnswer}

    def operation(method: str, path: str, answer: Any, summary: str, **more: Any) -> Operation:
        return Operation(method, path, answer, summary, Access.SERVER, "members:write", **more)

    return Group(
        entrance,
        [
            operation("GET", path, members.list, "Members of a project", answers=member_api.MemberList),
            operation(
                "POST",
                path,
                members.invite,
                "Invite somebody",
                body=member_api.Invitation,
                answers={201: member_api.Invited},
                refusals=(409,),
            ),
            operation(
                "PATCH",
                one,
                members.change,
                "Give a member another role",
                body=member_api.RoleChange,
                answers=shown,
                refusals=(409,),
            ),
            operation("DELETE", one, members.remove, "Remove a member", answers={204: None}, refusals=(409,)),
            operation(
                "POST",
                f"{one}/reset",
                members.reset,
                "A link with which a member sets a new password",
                answers=member_api.ResetLink,
                refusals=(409,),
            ),
            operation("GET", roles, members.roles, "What members may be", answers=member_api.RoleList),
            operation(
                "PUT",
                role,
                members.put_role,
                "Make or change a role",
                body=member_api.RoleEdit,
                answers=member_api.RoleAnswer,
                refusals=(409,),
            ),
            operation("DELETE", role, members.delete_role, "Delete a role", answers={204: None}, refusals=(409,)),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )


def _check_has(caller: Caller, scopes: Iterable[str]) -> None:
    for scope in sorted(scopes):
        caller.check(scope)


def _where(member: Member, project_id: str) -> str:
    """Where the role that counts here was given."""
    return project_id if project_id in member.roles else EVERYWHERE


def _by(asked: Asked) -> By:
    return By(asked.caller.actor, asked.request.scope.get(REQUEST_ID, ""), asked.caller.ip)


def _show_role(id: str, name: str, scopes: Iterable[str], *, built_in: bool = False) -> dict[str, Any]:
    return {"id": id, "name": name, "scopes": sorted(scopes), "builtIn": built_in}
