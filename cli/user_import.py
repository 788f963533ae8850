"""Sending users to the API in batches, each until the server has it; a batch that is refused whole is halved."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
import msgspec
import orjson

from ask0.cli.api import Api
from ask0.cli.sender import Item, batched
from ask0.schemas.user_files import Line, Refused

MAX_BATCH_USERS = 500


class Outcome(msgspec.Struct, frozen=True):
    id: Any = None
    status: str = ""
    code: str | None = None
    message: str | None = None


class Answer(msgspec.Struct, frozen=True):
    users: list[Outcome] = []
    code: str = ""
    message: str = ""


@dataclass
class Totals:
    applied: int = 0
    pending: int = 0  # durable, and not in the rows yet
    refused: int = 0


@dataclass
class UserImport:
    """One run. `refuse` is told of every line that is not taken, in the lines' order within a batch."""

    url: str
    secret_key: str
    refuse: Callable[[Refused], None]
    patience_seconds: float = 300
    totals: Totals = field(default_factory=Totals)

    def __post_init__(self) -> None:
        self._run = secrets.token_hex(12)  # a later run of the same file is another change
        self._requests = 0
        self._api = Api(
            self.url,
            self.secret_key,
            patience_seconds=self.patience_seconds,
            consolation="users that were sent stay as they are",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._api.close()

    def send_all(self, users: Iterable[Line | Refused], moved: Callable[[int], None]) -> None:
        """`moved` is told how many lines have their outcome. Raises NotAvailable, Failure."""
        for batch in batched(self._items(users), MAX_BATCH_USERS):
            self._send(batch)
            moved(len(batch))

    def _items(self, users: Iterable[Line | Refused]) -> Iterator[Item]:
        for user in users:
            if isinstance(user, Refused):
                self._refuse(user)
                continue
            try:
                yield Item(user.number, orjson.dumps(user.user))
            except TypeError:
                self._refuse(Refused(user.number, "", "not_utf8", "the line is not UTF-8"))

    def _send(self, batch: list[Item]) -> None:
        response = self._post(b'{"users":[' + b",".join(item.body for item in batch) + b"]}")
        answer = _read(response)
        if response.status_code in (200, 202) and len(answer.users) == len(batch):
            for item, outcome in zip(batch, answer.users, strict=True):
                self._settle(item, outcome)
        elif response.status_code in (400, 413, 422) and len(batch) > 1:
            half = len(batch) // 2
            self._send(batch[:half])
            self._send(batch[half:])
        elif response.status_code in (400, 413, 422):
            self._refuse(Refused(batch[0].line, "", answer.code, answer.message))
        else:
            raise self._api.explain(response)

    def _settle(self, item: Item, outcome: Outcome) -> None:
        if outcome.status == "refused":
            id = outcome.id if isinstance(outcome.id, str) else ""
            self._refuse(Refused(item.line, id, outcome.code or "", outcome.message or ""))
        elif outcome.status == "pending":
            self.totals.pending += 1
        else:
            self.totals.applied += 1

    def _refuse(self, refused: Refused) -> None:
        self.totals.refused += 1
        self.refuse(refused)

    def _post(self, body: bytes) -> httpx.Response:
        """The answer to the batch, however often it takes: under its key it is one change."""
        self._requests += 1
        return self._api.call("POST", "/users/batch", body, key=f"{self._run}-{self._requests}")


def _read(response: httpx.Response) -> Answer:
    try:
        return msgspec.json.decode(response.content, type=Answer)
    except msgspec.MsgspecError:
        return Answer()
