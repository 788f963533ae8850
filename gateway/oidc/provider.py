"""An OpenID provider: what it says about itself, and who it says has signed in there."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from ask0.gateway.oidc.fetching import Fetching, ProviderFailed
from ask0.schemas.members import MAX_EMAIL_CHARS, MAX_NAME_CHARS
from ask0.schemas.settings import is_safe_address

SCOPE = "openid email profile"
# Signatures that the provider alone can make: none that the client's secret makes too, and not "none".
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
FRESH_SECONDS = 3_600.0  # what it says about itself is asked for anew after so long …
FAILED_SECONDS = 3.0  # … or so long after it did not answer
KEYS_SECONDS = 10.0  # a key that is not known is looked for this often, at most
LEEWAY_SECONDS = 60
MAX_SUBJECT_CHARS = 1_000

logger = logging.getLogger(__name__)


class Identity(NamedTuple):
    """Somebody of the provider's."""

    issuer: str
    subject: str
    email: str
    is_verified: bool  # the email is theirs, says the provider
    name: str


class About(NamedTuple):
    """What is used of its discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str  # empty if it has none
    algorithms: list[str]
    auth_method: str


class Provider:
    def __init__(self, issuer: str, client_id: str, secret: str, fetching: Fetching) -> None:
        self._issuer, self._client_id, self._secret = issuer, client_id, secret
        self._fetching = fetching
        self._asking = asyncio.Lock()  # one asks, and the others wait for what it is told
        self._about: About | None = None
        self._about_until = self._failed_until = 0.0
        self._failure = ""
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    async def begin_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in. Raises ProviderFailed."""
        about = await self._known()
        url: str = prepare_grant_uri(
            about.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def identify(self, code: str, issuer: str, redirect_uri: str, nonce: str, verifier: str) -> Identity:
        """Who has come back with this code. `issuer` is who sent them, if that was said. Raises ProviderFailed."""
        about = await self._known()
        if issuer and issuer != about.issuer:
            raise ProviderFailed("the answer is of another issuer")
        tokens = await self._exchange(about, code, redirect_uri, verifier)
        claims = await self._verified(about, tokens, nonce)
        if not claims.get("email") and about.userinfo_endpoint:
            claims = {**await self._user_info(about, tokens, claims["sub"]), "sub": claims["sub"]}
        email, name = claims.get("email"), claims.get("name")
        return Identity(
            about.issuer,
            claims["sub"],
            email if isinstance(email, str) and len(email) <= MAX_EMAIL_CHARS else "",
            claims.get("email_verified") in (True, "true"),
            " ".join(name.split())[:MAX_NAME_CHARS] if isinstance(name, str) else "",
        )

    async def _known(self) -> About:
        async with self._asking:
            now = time.monotonic()
            if now < self._failed_until:
                raise ProviderFailed(self._failure)
            if self._about is None or now >= self._about_until:
                try:
                    self._about, self._about_until = await self._discover(), now + FRESH_SECONDS
                except ProviderFailed as error:
                    self._failed_until, self._failure = time.monotonic() + FAILED_SECONDS, str(error)
                    logger.warning("nobody can sign in with the provider now: %s", error)
                    raise
            return self._about

    async def _discover(self) -> About:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        found = await self._fetching.object("GET", url)
        issuer = found.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise ProviderFailed(f"{url} is of another issuer than ASK0_OIDC_ISSUER")
        offered = found.get("id_token_signing_alg_values_supported")
        ways = found.get("token_endpoint_auth_methods_supported")
        about = About(
            issuer,
            _text(found, "authorization_endpoint"),
            _text(found, "token_endpoint"),
            _text(found, "jwks_uri"),
            _text(found, "userinfo_endpoint"),
            [one for one in ALGORITHMS if not isinstance(offered, list) or one in offered],
            "client_secret_post" if isinstance(ways, list) and "client_secret_post" in ways else "client_secret_basic",
        )
        if not all(map(_is_endpoint, (about.authorization_endpoint, about.token_endpoint, about.jwks_uri))):
            raise ProviderFailed(f"{url} names no https:// endpoints")
        if about.userinfo_endpoint and not _is_endpoint(about.userinfo_endpoint):
            raise ProviderFailed(f"{url} names a userinfo_endpoint without https://")
        return about

    async def _exchange(self, about: About, code: str, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        id, secret = self._client_id, self._secret
        if about.auth_method == "client_secret_basic":  # as RFC 6749, 2.3.1, has it
            id, secret = quote(id, safe=""), quote(secret, safe="")
        body = prepare_token_request("authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=verifier)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        url, headers, body = ClientAuth(id, secret, about.auth_method).prepare(
            "POST", about.token_endpoint, headers, body
        )
        return await self._fetching.object("POST", url, headers=headers, content=body.encode())

    async def _verified(self, about: About, tokens: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the id_token, once everything about it is right."""
        token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise ProviderFailed("the provider answers without an id_token")
        try:
            decoded = await self._decoded(about, token)
            if not isinstance(decoded.claims.get("sub"), str):
                raise ProviderFailed("the id_token names nobody")
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": about.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                    "nonce": {"essential": True, "value": nonce},
                },
                {"nonce": nonce, "client_id": self._client_id, "access_token": access_token},
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ProviderFailed(f"the id_token is not to be believed: {type(error).__name__} {error}"[:300]) from error
        if not 0 < len(decoded.claims["sub"]) <= MAX_SUBJECT_CHARS:
            raise ProviderFailed("the id_token names nobody")
        return decoded.claims

    async def _decoded(self, about: About, token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=about.algorithms, strict_check_header=False)
        keys = await self._key_set(about, FRESH_SECONDS)
        try:
            return jwt.decode(token, keys, registry=registry)
        except InvalidKeyIdError:  # of a key that is newer than what is known
            return jwt.decode(token, await self._key_set(about, KEYS_SECONDS), registry=registry)

    async def _key_set(self, about: About, seconds: float) -> KeySet:
        """Not older than that."""
        async with self._asking:
            if self._keys is None or time.monotonic() - self._keys_at >= seconds:
                found = await self._fetching.object("GET", about.jwks_uri)
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
                self._keys_at = time.monotonic()
            return self._keys

    async def _user_info(self, about: About, tokens: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """Some tell an email only here."""
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or not access_token.isascii() or not access_token.isprintable():
            raise ProviderFailed("the provider answers without an access_token")
        headers = {"authorization": f"Bearer {access_token}"}
        found = await self._fetching.object("GET", about.userinfo_endpoint, headers=headers)
        if found.get("sub") != subject:
            raise ProviderFailed("its user info is of somebody else than its id_token")
        return found


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _is_endpoint(url: str) -> bool:
    """A query is allowed there."""
    return is_safe_address(url.partition("?")[0])
