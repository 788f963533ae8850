"""Who is erased, written once for both clients, as users.py is."""

from typing import Generic

from ask0_sdk.requests import Id, path_part, write
from ask0_sdk.users import R, Send


class Suppressions(Generic[R]):
    """Whatever comes of a user who was erased is dropped, until that is lifted."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/suppressions"

    def lift(self, id: Id, *, idempotency_key: str | None = None) -> R:
        """What is received of the user from now on is kept: `{"lifted": true}`. 404 `unknown_suppression` if nobody of
        this id is erased."""
        return self._send(write("POST", f"{self._root}/{path_part(id)}/lift", key=idempotency_key))
