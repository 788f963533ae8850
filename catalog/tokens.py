"""What proves who a user is: a token that a site's server has signed with a verification key of its project."""

import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import jwt
from jwt import PyJWK
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from ask0.catalog.sealing import Seal
from ask0.schemas.catalog import Project, Verification, VerificationKey
from ask0.schemas.ids import guest_id
from ask0.schemas.reasons import InvalidEvent, Reason

MAX_TOKEN_CHARACTERS = 4096
MIN_SECRET_BYTES = 32
MIN_RSA_BITS = 2048
LEEWAY_SECONDS = 60  # of the clock of the server that signs

INVALID = "the userToken is no JWT that a live verification key of the project has signed"
EXPIRED = "the userToken has expired: have the site's server sign a new one"
WRONG_SUBJECT = "the userToken's sub is another user than the event's userId"

logger = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """A verification key as PyJWT takes it, parsed once."""

    algorithm: str
    key: Any


class Verifier:
    """A project's live verification keys, ready to check tokens."""

    def __init__(self, verification: Verification, seal: Seal) -> None:
        self.required = verification.required
        self.unread: list[str] = []  # ids of keys that prove nothing here
        self._keys: list[Prepared] = []
        for key in verification.keys:
            try:
                self._keys.append(prepare(key, seal))
            except ValueError as error:
                self.unread.append(key.id)
                logger.warning("verification key %s proves nothing here: %s", key.id, error)

    def check(self, token: object, user_id: str) -> str:
        """The guest that the token is for, `g-…`, empty if it does not say. Raises InvalidEvent, nothing else, unless
        it proves the user.

        The algorithm is that of our key, never what the token says. `kid` is not asked: every live key is tried. A
        token made for another audience is none of ours. `sub` is compared as text, as user ids are.
        """
        if type(token) is not str or len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
            raise InvalidEvent(Reason.TOKEN_INVALID, INVALID)
        claims = self._signed(token)
        subject, anonymous_id = claims["sub"], claims.get("anonymousId")
        if type(subject) not in (str, int, float) or str(subject) != user_id:
            raise InvalidEvent(Reason.TOKEN_WRONG_SUBJECT, WRONG_SUBJECT)
        return guest_id(str(anonymous_id)) if anonymous_id else ""

    def _signed(self, token: str) -> Mapping[str, Any]:
        """The claims."""
        for algorithm, key in self._keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[algorithm],
                    leeway=LEEWAY_SECONDS,
                    options={"require": ["sub", "exp"], "verify_sub": False},
                )
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            except jwt.ExpiredSignatureError:
                raise InvalidEvent(Reason.TOKEN_EXPIRED, EXPIRED) from None
            except (jwt.PyJWTError, ValueError) as error:
                raise InvalidEvent(Reason.TOKEN_INVALID, f"{INVALID} ({type(error).__name__})") from None
        raise InvalidEvent(Reason.TOKEN_INVALID, INVALID)


def verifiers(projects: Mapping[str, Project], seal: Seal) -> dict[str | None, Verifier]:
    """Of the projects that have a verification key; the others take everyone at their word. One that required tokens
    without a key would take nobody's."""
    asked = {id: project.verification for id, project in projects.items()}
    return {
        id: Verifier(verification, seal)
        for id, verification in asked.items()
        if verification.keys or verification.required
    }


def prepare(key: VerificationKey, seal: Seal) -> Prepared:
    """Raises ValueError for what is no key of its algorithm, or cannot be opened."""
    if key.algorithm == "HS256":
        text = seal.open(key.key, key.id)
        if len(text.encode()) < MIN_SECRET_BYTES or "-----BEGIN" in text:
            raise ValueError(f"an HS256 secret is text of at least {MIN_SECRET_BYTES} bytes, and no public key")
        secret = base64url_encode(text.encode()).decode()
        return Prepared(key.algorithm, PyJWK.from_dict({"kty": "oct", "k": secret}, key.algorithm))
    if "PRIVATE KEY" in key.key:
        raise ValueError("an RS256 key is the public one: keep the private key on your servers")
    try:
        public = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(key.key)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise ValueError("an RS256 key is an RSA public key as PEM") from error
    if public.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RS256 key has at least {MIN_RSA_BITS} bits")
    return Prepared(key.algorithm, public)
