"""Passwords and one-time codes: what is taken as one, how it is kept, and whether it is right."""

import hmac
import time
import unicodedata
from functools import cache
from itertools import product

import argon2
import pyotp

from ask0.catalog.errors import CatalogError

MIN_CHARACTERS, MAX_CHARACTERS = 8, 128
STEP_SECONDS = 30  # of one-time codes
LATE_STEPS = 1  # a code of the step before or after is taken: clocks differ

# As OWASP advises: 19 MiB and two passes, some tens of ms.
HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

# What people choose first, as is and with what they add to it.
WORDS = (
    "password passwort passw0rd p@ssw0rd p@ssword qwerty qwertz azerty qwertyuiop asdfgh asdfghjkl zxcvbn zxcvbnm "
    "admin administrator welcome willkommen letmein iloveyou monkey dragon sunshine princess football baseball master "
    "login hello freedom whatever trustno1 superman batman michael jordan shadow secret summer winter spring autumn "
    "changeme default access starwars computer internet test testtest guest root user ask0 ask0ask0 abc abcd abcdef "
    "abc123 q1w2e3r4 q1w2e3r4t5 1q2w3e4r 1q2w3e4r5t 1qaz2wsx zaq12wsx qazwsx qazwsxedc"
)
ENDINGS = (
    *("", "1", "12", "123", "1234", "12345", "123456", "123456789", "!", "1!", "123!", "#", "@", "01", "007", "69"),
    *(str(year) for year in range(1980, 2036)),
)


class WeakPassword(CatalogError):
    """The message says what a better one is."""


def check_strength(password: str, *, about: str = "") -> str:
    """The password as it is kept, normalised. `about` is what an attacker tries first: the email. Raises
    WeakPassword."""
    password = unicodedata.normalize("NFKC", password)
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise WeakPassword(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters; a sentence is a good one")
    plain = password.lower()
    if plain in _common() or len(set(plain)) < 4 or _is_run(plain):
        raise WeakPassword("this password is among those that are tried first: choose one that nobody else has")
    if about and plain in (about, about.partition("@")[0]):
        raise WeakPassword("the password must not be the email")
    return password


def hash_password(password: str) -> str:
    """Tens of ms and 19 MiB: in a thread. Raises ValueError for text that is no Unicode."""
    return HASHER.hash(unicodedata.normalize("NFKC", password))


def is_right(hashed: str, password: str) -> bool:
    """As long as `hash_password` takes, also where there is no hash: how long an answer takes tells nothing."""
    try:
        HASHER.verify(hashed or _of_nobody(), unicodedata.normalize("NFKC", password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError, ValueError):
        return False
    return bool(hashed)


def new_secret() -> str:
    return pyotp.random_base32()


def uri_of(secret: str, email: str) -> str:
    """For an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=email or "owner", issuer_name="Ask0")


def is_secret(text: str) -> bool:
    """As `new_secret` makes it."""
    return len(text) == 32 and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def step_of(secret: str, code: str, after: int = 0, now: float | None = None) -> int | None:
    """The step that the code is of, later than `after`; None if it is of none that counts now."""
    step = int((time.time() if now is None else now) // STEP_SECONDS)
    codes = pyotp.TOTP(secret)
    for one in range(step - LATE_STEPS, step + LATE_STEPS + 1):
        if one > after and hmac.compare_digest(codes.generate_otp(one).encode(), code.encode()):
            return one
    return None


@cache
def _common() -> frozenset[str]:
    return frozenset(word + ending for word, ending in product(WORDS.split(), ENDINGS))


@cache
def _of_nobody() -> str:
    return HASHER.hash("nobody's")


def _is_run(text: str) -> bool:
    """12345678, 87654321, abcdefgh."""
    steps = {ord(after) - ord(before) for before, after in zip(text, text[1:], strict=False)}
    return steps in ({1}, {-1}) or text in ("1234567890", "0123456789", "0987654321", "123123123", "12341234")
