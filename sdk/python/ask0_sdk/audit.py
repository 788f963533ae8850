"""The audit log of the API, written once for both clients, as users.py is."""

from typing import Generic

from ask0_sdk.requests import Id, get, path_part
from ask0_sdk.users import R, Send


class Audit(Generic[R]):
    """Who did what."""

    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = root

    def list(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        entity: str | None = None,
        entity_id: Id | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> R:
        """`{"audit": […], "next": cursor or null}`, the newest first; times are ISO 8601, `until` is not among them."""
        asked = {"actor": actor, "action": action, "entity": entity, "since": since, "until": until}
        more = {"entityId": None if entity_id is None else str(entity_id), "limit": limit, "cursor": cursor}
        return self._send(get(f"{self._root}/audit", {**asked, **more}))

    def of_user(self, id: Id, *, limit: int | None = None, cursor: str | None = None) -> R:
        """What was said of one user, by themselves or by others: as `list` has it."""
        return self._send(get(f"{self._root}/users/{path_part(id)}/audit", {"limit": limit, "cursor": cursor}))
