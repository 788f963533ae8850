"""Keys of a project, written once for both clients, as users.py is."""

from collections.abc import Sequence
from typing import Generic, Literal

from ask0_sdk.requests import get, path_part, write
from ask0_sdk.users import R, Send


class Keys(Generic[R]):
    """For pages (`write`), or for servers (`secret`) with what they may do."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/keys"

    def list(self) -> R:
        """`{"keys": [{"id": …, "kind": …, "name": …, "hint": …, "scopes": […], "version": …, …}, …]}`."""
        return self._send(get(self._root))

    def create(
        self,
        name: str,
        *,
        kind: Literal["write", "secret"] = "secret",
        scopes: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> R:
        """`{"key": …, "secret": …}`; the secret is told in this answer alone: the same call again is 409
        `already_done`. `scopes` are of those that the caller's own key has; a write key has none."""
        body = {"name": name, "kind": kind, **({"scopes": [*scopes]} if scopes else {})}
        return self._send(write("POST", self._root, body, key=idempotency_key))

    def revoke(self, id: str, *, if_match: str | int, idempotency_key: str | None = None) -> R:
        """It is refused from now on."""
        return self._send(write("DELETE", f"{self._root}/{path_part(id)}", key=idempotency_key, if_match=if_match))
