"""Signing in and one's own account, as a group of operations."""

from starlette.middleware import Middleware

from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.oidc import sign_in as oidc
from ask0.gateway.oidc.sign_in import ProviderSignIns
from ask0.gateway.operations import Operation
from ask0.gateway.sessions.account import Accounts
from ask0.gateway.sessions.sign_in import SignIns
from ask0.schemas import member_api

PATH = "/v1/session"
SIGNING_IN = (401, 403, 409, 422, 429, 503)


def session_group(entrance: Entrance, sign_ins: SignIns, accounts: Accounts, provider: ProviderSignIns) -> Group:
    code, sessions, member = f"{PATH}/code", f"{PATH}/all", Access.MEMBER
    return Group(
        entrance,
        [
            Operation("GET", f"{PATH}/methods", sign_ins.methods, "How to sign in", answers=member_api.Methods),
            Operation(
                "POST",
                PATH,
                sign_ins.sign_in,
                "Sign in",
                body=member_api.SignIn,
                answers=member_api.SignedIn,
                refusals=SIGNING_IN,
            ),
            Operation(
                "POST",
                f"{PATH}/link",
                sign_ins.look_at_link,
                "What a link is for",
                body=member_api.LinkToken,
                answers=member_api.LinkAnswer,
                refusals=(410, 429),
            ),
            Operation(
                "POST",
                f"{PATH}/link/use",
                sign_ins.use_link,
                "Sign in by a link, once",
                body=member_api.LinkUse,
                answers=member_api.SignedIn,
                refusals=(*SIGNING_IN, 410),
            ),
            Operation(
                "GET",
                oidc.PATH,
                provider.start,
                "Sign in with the OpenID provider: a browser goes there",
                query=member_api.ProviderStart,
                answers={303: None},
                refusals=(404, 429),
            ),
            Operation(
                "GET",
                f"{oidc.PATH}/callback",
                provider.callback,
                "Where the OpenID provider sends the browser back to",
                query=member_api.ProviderAnswer,
                answers={303: None},
                refusals=(404, 429),
            ),
            Operation("GET", PATH, sign_ins.who, "Who is signed in", member, answers=member_api.SignedIn),
            Operation("DELETE", PATH, sign_ins.sign_out, "Sign out", member, answers={204: None}),
            Operation(
                "GET", sessions, accounts.sessions, "Where you are signed in", member, answers=member_api.OwnSessions
            ),
            Operation(
                "DELETE",
                f"{sessions}/{{id}}",
                accounts.end_session,
                "Sign out somewhere else",
                member,
                answers={204: None},
                refusals=(404,),
            ),
            Operation(
                "PATCH",
                f"{PATH}/member",
                accounts.edit,
                "Change your name or password",
                member,
                body=member_api.OwnEdit,
                answers=member_api.SignedIn,
                refusals=(409, 422),
            ),
            Operation(
                "POST",
                code,
                accounts.new_code,
                "A secret for one-time codes",
                member,
                answers=member_api.CodeSecret,
                refusals=(409,),
            ),
            Operation(
                "PUT",
                code,
                accounts.turn_code_on,
                "Ask me for one-time codes",
                member,
                body=member_api.NewCode,
                answers={204: None},
                refusals=(409, 422),
            ),
            Operation(
                "DELETE",
                code,
                accounts.turn_code_off,
                "Ask me for no codes any more",
                member,
                body=member_api.OwnCode,
                answers={204: None},
                refusals=(409,),
            ),
        ],
        Middleware(ApiRoute),
        for_pages=False,
    )
