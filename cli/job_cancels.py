"""Ending a job early, through a running server."""

import secrets
from typing import Any
from urllib.parse import quote

import orjson

from ask0.cli.api import Api
from ask0.cli.errors import Failure

NO_PATH = ("", ".", "..")  # would name what is above them


def cancel_job(api: Api, id: str) -> dict[str, Any]:
    """The job as it is then: cancelled, or to end after the piece at hand. Raises Failure, NotAvailable."""
    unknown = Failure(f"there is no job {id!r} in the project of this key; `ask0 job list` shows the newest hundred")
    if id in NO_PATH:
        raise unknown
    response = api.call("POST", f"/jobs/{quote(id, safe='')}/cancel", key=secrets.token_hex(16))
    if response.status_code == 404:
        raise unknown
    if response.status_code not in (200, 202):
        raise api.explain(response)
    try:
        job = orjson.loads(response.content)["job"]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        job = None
    if not isinstance(job, dict) or not isinstance(job.get("status"), str):
        raise Failure(f"{api.url} answers something else than a job: is this address Ask0’s?")
    return job
