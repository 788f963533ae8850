"""Settings of a project, written once for both clients, as users.py is."""

from collections.abc import Mapping, Sequence
from typing import Generic, Literal

from ask0_sdk.requests import get, path_part, question, write
from ask0_sdk.users import R, Send

Days = Mapping[str, int | None]  # of inactiveUsers, events, conversations, quarantine, audit; None is for ever


class Settings(Generic[R]):
    """A change needs `if_match`, the `version` it was made from: 412 if somebody else was first."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/settings"

    def retention(self) -> R:
        """How many days what is kept: `{"events": 400, …, "appliesFrom": …, "version": …}`; None is for ever."""
        return self._send(get(f"{self._root}/retention"))

    def put_retention(self, days: Days, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        """All of them, in place of those before: what is not named is kept for ever. It is applied a day later."""
        path = f"{self._root}/retention"
        return self._send(write("PUT", path, dict(days), key=idempotency_key, if_match=if_match))

    def dry_run_retention(self, days: Days | None = None) -> R:
        """What would go now, with these days, or with those that stand: of each how many, and some of them."""
        return self._send(question(f"{self._root}/retention/dry-run", dict(days or {})))

    def privacy(self) -> R:
        """Whether consent is in force: `{"enforceConsent": …, "version": …}`."""
        return self._send(get(f"{self._root}/privacy"))

    def put_privacy(self, enforce_consent: bool, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        body = {"enforceConsent": enforce_consent}
        return self._send(write("PUT", f"{self._root}/privacy", body, key=idempotency_key, if_match=if_match))

    def chat(self) -> R:
        """Who may chat: `{"permission": …, "version": …}`."""
        return self._send(get(f"{self._root}/chat"))

    def put_chat(
        self,
        permission: Literal["guest", "login", "user"],
        *,
        if_match: str | int,
        idempotency_key: str | None = None,
    ) -> R:
        """guest is anyone, login whoever is identified, user whoever has a verified email."""
        body = {"permission": permission}
        return self._send(write("PUT", f"{self._root}/chat", body, key=idempotency_key, if_match=if_match))

    def verification(self) -> R:
        """How users prove who they are: `{"required": …, "readable": […], "keys": […], "version": …}`."""
        return self._send(get(f"{self._root}/verification"))

    def put_verification(
        self, required: bool, readable: Sequence[str], *, if_match: str | int, idempotency_key: str | None = None
    ) -> R:
        """Whether pages need a token, and what they may read of their user."""
        body = {"required": required, "readable": [*readable]}
        return self._send(write("PUT", f"{self._root}/verification", body, key=idempotency_key, if_match=if_match))

    def add_verification_key(self, public_key: str | None = None, *, idempotency_key: str | None = None) -> R:
        """An RSA public key as PEM, for RS256; without one an HS256 secret is made, and told in this answer alone:
        `{"id": …, "secret": …, "verification": …}`."""
        body = {} if public_key is None else {"publicKey": public_key}
        return self._send(write("POST", f"{self._root}/verification/keys", body, key=idempotency_key))

    def remove_verification_key(self, id: str, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        path = f"{self._root}/verification/keys/{path_part(id)}"
        return self._send(write("DELETE", path, key=idempotency_key, if_match=if_match))
