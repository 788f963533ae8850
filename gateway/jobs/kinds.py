"""What a kind of job is: a function that does the next piece, and says where to go on."""

from typing import Any, NamedTuple, Protocol

import msgspec

from ask0.schemas.jobs import Job


class Step(NamedTuple):
    """What a piece came to. With a receipt all is done."""

    state: msgspec.Raw  # where to go on, small; whoever takes the job over begins with one that was kept lately
    done: int
    total: int | None
    receipt: msgspec.Raw | None = None
    pause: float = 0.0  # seconds until the next one
    keep: bool = False  # whether the next one may begin only once the document has this


class Kind(Protocol):
    @property
    def is_cancellable(self) -> bool:
        """Whether a job may end before all of it is done."""

    async def step(self, job: Job) -> Step:
        """The next piece, from `job.state` on, which is null at first. A piece may be done twice, and by two processes
        at once: that must come to the same. Of a job that is to end (`cancel_asked_at`) no piece: a receipt of what was
        done so far. Raises JobFailed to end the job, ServiceUnavailable and QuotaExceeded
        where it cannot be done now; whatever else it raises is a fault of ours."""

    async def forget(self, job: Job) -> None:
        """Whatever was kept for the job, which is finished. It may not come to that: so nothing may need it."""


class JobFailed(Exception):
    """The job ends here. The message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
