"""Secrets that are needed as they are, and not only as a hash, lie sealed on the control stream: AES-256-GCM, with a
key that only this deployment's processes have."""

import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ask0.catalog.errors import CatalogError
from ask0.schemas.settings import Settings

MARK = "sealed:1:"  # and the key's id, and nonce with ciphertext
SIGNATURE = "signed:1:"  # and the key's id, and an HMAC
KEY_FILE = "sealing.key"
MIN_KEY_CHARACTERS = 32
NONCE_BYTES = 12

NO_KEY = (
    "the secret would lie open on the log: set ASK0_SEALING_KEY to the same long random text for every process first, "
    "or use RS256, which has no secret here"
)


class Seal:
    """`configured` is ASK0_SEALING_KEY; without it the key is in `file`, which the first seal makes."""

    def __init__(self, configured: str = "", file: Path | None = None) -> None:
        self._configured = configured
        self._file = file

    def close(self, secret: str, purpose: str) -> str:
        """`purpose`, an id, has to be the same again to open it. Raises CatalogError without a key."""
        key = self._key(make=True)
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, secret.encode(), purpose.encode())
        return f"{MARK}{_id_of(key)}:{urlsafe_b64encode(sealed).decode()}"

    def open(self, text: str, purpose: str) -> str:
        """The secret. Text without a seal is of before there were seals, and comes back as it is. Raises ValueError."""
        if not is_sealed(text):
            return text
        key_id, _, sealed = text.removeprefix(MARK).partition(":")
        try:
            key = self._key(make=False)
        except CatalogError as error:
            raise ValueError("it is sealed, and there is no ASK0_SEALING_KEY here") from error
        if key_id != _id_of(key):
            raise ValueError("it is sealed with another ASK0_SEALING_KEY than this process has")
        try:
            found = urlsafe_b64decode(sealed)
            return AESGCM(key).decrypt(found[:NONCE_BYTES], found[NONCE_BYTES:], purpose.encode()).decode()
        except InvalidTag:
            raise ValueError("its seal is broken") from None

    def sign(self, text: str) -> str:
        """Raises CatalogError without a key."""
        key = self._key(make=True)
        return f"{SIGNATURE}{_id_of(key)}:{_signature(key, text)}"

    def has_signed(self, text: str, signature: str) -> bool:
        """Raises CatalogError without a key; with another one than it was signed with, it says no."""
        key = self._key(make=False)
        return compare_digest(signature, f"{SIGNATURE}{_id_of(key)}:{_signature(key, text)}")

    def _key(self, *, make: bool) -> bytes:
        text = self._configured
        if not text and self._file:
            text = _read_or_make(self._file) if make else _read(self._file)
        if not text:
            raise CatalogError(NO_KEY)
        if len(text) < MIN_KEY_CHARACTERS:
            raise CatalogError(f"ASK0_SEALING_KEY has at least {MIN_KEY_CHARACTERS} characters; this one is shorter")
        return sha256(b"ask0 sealing key\0" + text.encode()).digest()


def is_sealed(text: str) -> bool:
    return text.startswith(MARK)


def seal_of(settings: Settings) -> Seal:
    """The embedded log is of one machine, and so may its key be. Processes that share Kafka have to be told theirs."""
    embedded = settings.log_dsn.startswith("sqlite:")
    return Seal(settings.sealing_key.get_secret_value(), settings.data_dir / KEY_FILE if embedded else None)


def _id_of(key: bytes) -> str:
    return sha256(b"id\0" + key).hexdigest()[:8]


def _signature(key: bytes, text: str) -> str:
    return hmac.digest(key, b"ask0 signature\0" + text.encode(), "sha256").hex()


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def _read_or_make(file: Path) -> str:
    """Whoever comes first makes it; it is there whole or not at all."""
    if not (text := _read(file)):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as made:
            made.write(secrets.token_urlsafe(32))
            made.flush()
            os.fsync(made.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # somebody was first
        finally:
            draft.unlink()
        text = _read(file)
    return text
