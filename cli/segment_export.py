"""A segment into a file, through a running server: a job is asked for, downloaded, and compared with its receipt."""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson

from ask0.cli.api import Api
from ask0.cli.errors import Failure
from ask0.schemas.exports import What
from ask0.schemas.user_export import Format

LOOK_SECONDS = 1.0  # between looks at how far it is
Job = dict[str, Any]


def ask_for_export(api: Api, segment: str, format: Format, what: What) -> Job:
    """A job that waits to be downloaded. Raises Failure, NotAvailable."""
    body = {"segment": segment, "format": format, "what": what}
    response = api.call("POST", "/exports", orjson.dumps(body), key=secrets.token_hex(16))
    return _job_of(api, response, 202)


def download(api: Api, job: Job, path: Path, moved: Callable[[int], None]) -> dict[str, Any]:
    """The receipt, once the file is whole at the path: until then it lies beside it, and what broke off goes. `moved`
    is told how many users are in it. Raises Failure, NotAvailable."""
    part = path.with_name(f"{path.name}.part")
    try:
        digest = sha256()
        looked_at = time.monotonic()
        with part.open("wb") as file:
            for piece in api.stream(f"/exports/{job['id']}/file"):
                file.write(piece)
                digest.update(piece)
                if time.monotonic() - looked_at > LOOK_SECONDS:
                    moved(_look(api, job)["progress"]["done"])
                    looked_at = time.monotonic()
        receipt = _look(api, job)["receipt"]
        if not isinstance(receipt, dict) or receipt.get("sha256") != digest.hexdigest():
            raise Failure(f"the file is not what the receipt of {job['id']} says: ask for the export again")
        part.replace(path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    moved(receipt["users"])
    return receipt


def _look(api: Api, job: Job) -> Job:
    return _job_of(api, api.call("GET", f"/jobs/{job['id']}"), 200)


def _job_of(api: Api, response: httpx.Response, expected: int) -> Job:
    if response.status_code != expected:
        raise api.explain(response)
    try:
        job = orjson.loads(response.content)["job"]
        if isinstance(job["id"], str) and isinstance(job["progress"]["done"], int):
            return dict(job)
    except (orjson.JSONDecodeError, LookupError, TypeError):
        pass
    raise Failure(f"{api.url} answers something else than a job: is this address Ask0’s?")
