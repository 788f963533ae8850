"""How far something is that was not done at once: a job, or a change that is pending."""

from typing import Generic

from ask0_sdk.requests import get, path_part
from ask0_sdk.users import R, Send


class Progress(Generic[R]):
    def __init__(self, send: Send[R], path: str) -> None:
        self._send = send
        self._path = path

    def get(self, id: str) -> R:
        """Its `status`, and what came of it. Raises Ask0Error."""
        return self._send(get(f"{self._path}/{path_part(id)}"))
