"""Stages of the API, written once for both clients, as users.py is."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic

from ask0_sdk.requests import get, write
from ask0_sdk.users import R, Send


class Stages(Generic[R]):
    """Where users are, by rules that are tried in order: the first that holds is the user's."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/stages"

    def list(self) -> R:
        """`{"stages": [{"id": …, "name": …, "filter": …}, …], "defaults": […], "version": …}`."""
        return self._send(get(self._root))

    def put(self, stages: Sequence[Mapping[str, Any]], *, if_match: str | int, idempotency_key: str | None = None) -> R:
        """All of them, in place of those before. `if_match` is the `version` they were made from: 412 if somebody else
        was first."""
        return self._send(write("PUT", self._root, {"stages": list(stages)}, key=idempotency_key, if_match=if_match))
