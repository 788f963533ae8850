"""Erasing users through a running server: a job that is asked for and waited for; and letting them in again."""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import orjson

from ask0.cli.api import Api
from ask0.cli.errors import Failure
from ask0.schemas.erasure import Erasing

FIRST_PAUSE_SECONDS = 0.1  # between two looks at the job
LONGEST_PAUSE_SECONDS = 2.0
UNFINISHED = ("waiting", "running")
NO_PATH = (".", "..")  # would name what is above them


class Progress(msgspec.Struct, frozen=True):
    done: int = 0


class Job(msgspec.Struct, frozen=True):
    """As far as it matters here."""

    id: str
    status: str
    progress: Progress = Progress()
    receipt: dict[str, Any] | None = None
    code: str | None = None
    message: str | None = None


class Answer(msgspec.Struct, frozen=True):
    job: Job


def ask(api: Api, kind: Erasing, ids: Sequence[str], *, with_conversations: bool) -> str:
    """The id of the job, which is certain to be done now. Raises Failure."""
    body: dict[str, Any] = {"do": kind, "ids": list(ids)}
    if with_conversations:
        body["deleteConversations"] = True
    key = secrets.token_hex(16)
    job = _job_of(api, api.call("POST", "/users/bulk", orjson.dumps(body), key=key), 202)
    api.consolation = f"the job goes on by itself, `ask0 job get {job.id}` says how far it is"
    return job.id


def wait(api: Api, id: str, moved: Callable[[int], None]) -> dict[str, Any]:
    """The receipt of the job once it is done; `moved` is told how many users are. Raises Failure."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        job = _job_of(api, api.call("GET", f"/jobs/{id}"), 200)
        moved(job.progress.done)
        if job.status == "done" and job.receipt is not None:
            return job.receipt
        if job.status not in UNFINISHED:
            why = f" ({job.code}): {job.message}" if job.code else ""
            raise Failure(f"the job {id} is {job.status}{why}")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def lift(api: Api, id: str) -> None:
    """Raises Failure."""
    if id in NO_PATH:
        raise Failure(f"no address can hold the id {id!r}, so nobody can be let in again under it")
    response = api.call("POST", f"/suppressions/{quote(id, safe='')}/lift")
    if response.status_code == 404:
        raise Failure(f"nobody of the id {id!r} is erased")
    if response.status_code != 200:
        raise api.explain(response)


def _job_of(api: Api, response: httpx.Response, expected: int) -> Job:
    if response.status_code != expected:
        raise api.explain(response)
    try:
        return msgspec.json.decode(response.content, type=Answer).job
    except msgspec.MsgspecError:
        raise Failure(f"{api.url} answers something else than a job: is this address Ask0’s?") from None
