"""Exports of many users, written once for both clients, as users.py is; each downloads in its own way."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal

from ask0_sdk.requests import Answer, Call, Id, Json, get, path_part, succeeded, without_none, write
from ask0_sdk.users import R, Send, list_of


class Exports(Generic[R]):
    def __init__(self, send: Send[R], root: str) -> None:
        self._send = send
        self._root = f"{root}/exports"

    def create(
        self,
        *,
        segment: str | None = None,
        filter: Mapping[str, Any] | None = None,
        ids: Sequence[Id] | None = None,
        format: Literal["json", "csv"] = "json",
        what: Literal["profiles", "everything"] = "profiles",
        idempotency_key: str | None = None,
    ) -> R:
        """Of a segment, a filter, or `ids`: `{"job": {…}, "download": path}`. The job waits a day for `download`, and
        `jobs.get` tells how far that is, in the end its receipt."""
        named = None if ids is None else [str(id) for id in list_of(ids)]
        whom = without_none({"segment": segment, "filter": filter, "ids": named})
        return self._send(write("POST", self._root, {**whom, "format": format, "what": what}, key=idempotency_key))

    def _file(self, job: str) -> Call[Answer]:
        return Call(get(f"{self._root}/{path_part(job, 'job')}/file").request, succeeded)


class ThreadExports(Exports[Json]):
    def __init__(self, send: Send[Json], root: str, pieces: Callable[[Call[Answer]], Iterator[bytes]]) -> None:
        super().__init__(send, root)
        self._pieces = pieces

    def download(self, job: str) -> Iterator[bytes]:
        """The file of the job with this id, in pieces: `file.writelines(ask0.exports.download(job["id"]))`. Raises
        Ask0Error also when the connection ends in the middle: the file is not whole then, and can be asked for
        again."""
        return self._pieces(self._file(job))


class TaskExports(Exports[Awaitable[Json]]):
    def __init__(
        self, send: Send[Awaitable[Json]], root: str, pieces: Callable[[Call[Answer]], AsyncIterator[bytes]]
    ) -> None:
        super().__init__(send, root)
        self._pieces = pieces

    def download(self, job: str) -> AsyncIterator[bytes]:
        """The file of the job with this id, in pieces. Raises Ask0Error also when the connection ends in the middle:
        the file is not whole then, and can be asked for again."""
        return self._pieces(self._file(job))
