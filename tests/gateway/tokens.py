"""Tokens as a site's server signs them, and as someone else would."""

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ask0.schemas.catalog import VerificationKey

SECRET_OF_SITE = "vs_the-first-secret-of-the-site-0001"
NEXT_SECRET = "vs_the-second-secret-of-the-site-002"


def sign(sub: Any = "u1", key: Any = SECRET_OF_SITE, algorithm: str = "HS256", **claims: Any) -> str:
    """A good one unless the claims say otherwise; times are given in seconds from now, None leaves a claim out."""
    now = int(time.time())
    times: dict[str, Any] = {name: now + claims.pop(name) for name in ("iat", "nbf") if name in claims}
    end = claims.pop("exp", 3600)
    told: dict[str, Any] = {"sub": sub, "exp": None if end is None else now + end, **times, **claims}
    return jwt.encode({name: value for name, value in told.items() if value is not None}, key, algorithm)


def secret_of(text: str, id: str = "vk_1") -> VerificationKey:
    return VerificationKey(id=id, algorithm="HS256", key=text, created_at=1)


def key_pair(bits: int = 2048) -> tuple[RSAPrivateKey, str]:
    """The private key, and the public one as PEM."""
    private = generate_private_key(65537, bits)
    return private, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
