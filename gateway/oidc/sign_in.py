"""Signing in with an account of the provider: there, back again, and in if it is a member's."""

import hmac
import logging
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec.structs import replace
from starlette.responses import RedirectResponse, Response

from ask0.catalog.errors import CatalogError
from ask0.catalog.members import By, Wanted, to_use_up
from ask0.catalog.sealing import Seal
from ask0.gateway.errors import GatewayError, NotFound, QuotaExceeded
from ask0.gateway.oidc.fetching import Fetching, ProviderFailed
from ask0.gateway.oidc.provider import Identity, Provider
from ask0.gateway.oidc.waiting import HOME, Waiting, cookie_to_set, read_cookie, waiting_of
from ask0.gateway.operations import Asked
from ask0.gateway.origins import Origins
from ask0.gateway.sessions.attempts import Attempts
from ask0.gateway.sessions.sign_in import SignIns
from ask0.schemas.members import MEMBER, Member, email_of, subject_of_provider
from ask0.schemas.settings import Settings

PATH = "/v1/session/oidc"
MOST_AT_ONCE = 8  # who have come back and are looked at: a flood of them asks the provider no more than that
OFF = "signing in with a provider is not set up here: see ASK0_OIDC_ISSUER"

logger = logging.getLogger(__name__)


class NotIn(Exception):
    """Why somebody is not let in, by the word that the console has a sentence for."""


class ProviderSignIns:
    """`sign_ins` begins the session: from then on it is one like all others."""

    def __init__(self, settings: Settings, sign_ins: SignIns, seal: Seal, origins: Origins) -> None:
        self._sign_ins, self._seal, self._origins = sign_ins, seal, origins
        self._members, self._cookies = sign_ins.members, sign_ins.cookies
        self._attempts = Attempts()
        self._under_way = 0
        self._provider: Provider | None = None
        self.host = urlsplit(settings.oidc_issuer).hostname or ""  # empty where there is none
        if settings.oidc_issuer:
            self._fetching = Fetching()
            secret = settings.oidc_client_secret.get_secret_value()
            self._provider = Provider(settings.oidc_issuer, settings.oidc_client_id, secret, self._fetching)
            sign_ins.oidc = {"name": self.host, "url": PATH}

    async def close(self) -> None:
        if self._provider:
            await self._fetching.close()

    async def start(self, asked: Asked) -> Response:
        """To the provider, with what the browser needs to come back."""
        provider, scope = self._on(), asked.request.scope
        waiting = Waiting.begin(asked.query.to)
        try:
            cookie = waiting.cookie(self._seal)
            url = await provider.begin_url(self._address(asked), waiting.state, waiting.nonce, waiting.verifier)
        except (ProviderFailed, CatalogError):
            return _to(f"{HOME}?signIn=away")
        return _to(url, cookie_to_set(self._cookies, scope, cookie))

    async def callback(self, asked: Asked) -> Response:
        """Back from the provider: in, or to the sign-in page, which says why not."""
        provider, scope = self._on(), asked.request.scope
        sent = read_cookie(self._cookies, scope, dict(scope["headers"]))
        waiting = waiting_of(sent, self._seal) if sent else None
        if waiting is None or not hmac.compare_digest(waiting.state.encode(), asked.query.state.encode()):
            # Whoever has put the address together, this browser has not begun it: what it has begun goes on.
            return _to(f"{HOME}?signIn=begun_elsewhere")
        done = cookie_to_set(self._cookies, scope, "")
        try:
            token = await self._let_in(asked, provider, waiting)
            session = self._sign_ins.signed_in(asked, token).headers["set-cookie"]
        except NotIn as error:
            return _to(f"{HOME}?signIn={error}", done)
        except ProviderFailed as error:
            logger.warning("somebody who came from the provider is not let in: %s", error)
            return _to(f"{HOME}?signIn=away", done)
        except QuotaExceeded:
            return _to(f"{HOME}?signIn=too_many", done)
        except GatewayError as error:
            logger.warning("somebody who came from the provider is not let in: %s", error.message)
            return _to(f"{HOME}?signIn=failed", done)
        return _to(waiting.to, done, session)

    async def _let_in(self, asked: Asked, provider: Provider, waiting: Waiting) -> str:
        """The token of a new session. Raises NotIn, ProviderFailed, GatewayError."""
        if not asked.query.code:
            raise NotIn("refused")
        address = self._sign_ins.address(asked)
        self._attempts.check(address, now=time.monotonic())
        if self._under_way >= MOST_AT_ONCE:
            raise NotIn("too_many")
        # Counted as failed until it is right, so that no more are under way than may fail.
        self._attempts.fail(address, now=time.monotonic())
        self._under_way += 1
        try:
            identity = await provider.identify(
                asked.query.code, asked.query.iss, self._address(asked), waiting.nonce, waiting.verifier
            )
        finally:
            self._under_way -= 1
        by = self._sign_ins.by(asked)
        member = await self._member(identity, by)
        self._attempts.succeed(address)
        return await self._sign_ins.open(asked, member, by._replace(actor=f"member:{member.id}"))

    async def _member(self, identity: Identity, by: By) -> Member:
        """Whose account it is: as was noted when they first came with it, and only then by the email. Raises NotIn."""
        subject = subject_of_provider(identity.issuer, identity.subject)
        if member := self._members.of_subject(subject):
            return member
        if not identity.email or not identity.is_verified:
            raise NotIn("unverified")
        # Lower case of other alphabets may be another's letters.
        email = email_of(identity.email) if identity.email.isascii() else identity.email
        known = self._members.of_email(email)
        if known is None:
            raise NotIn("not_invited")
        id = known.id

        def find() -> Iterator[Wanted]:
            stored = self._members.get(id)
            if stored is None or self._members.of_subject(subject):
                raise NotIn("failed")
            now = stored.document
            if now.subject and now.issuer == identity.issuer:
                raise NotIn("other_account")
            after = replace(now, issuer=identity.issuer, subject=subject, name=now.name or identity.name)
            expects = {MEMBER: self._members.people.version}  # an account is one person's
            yield Wanted(MEMBER, id, after, "member.provider_bound", expects)
            yield from map(to_use_up, self._members.links.of_member(id))  # they have come without one

        try:
            return await self._sign_ins.change(known, find, "member.provider_bound", by._replace(actor=f"member:{id}"))
        except NotIn:
            self._sign_ins.failed(known, by)
            raise

    def _on(self) -> Provider:
        if self._provider is None:
            raise NotFound(OFF)
        return self._provider

    def _address(self, asked: Asked) -> str:
        return f"{self._origins.of(asked.request.scope)}{PATH}/callback"


def _to(url: str, *cookies: str) -> Response:
    response = RedirectResponse(url, 303, headers={"referrer-policy": "no-referrer"})
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    return response
