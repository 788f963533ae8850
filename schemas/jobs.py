"""Jobs: work that goes on after its answer. As documents on the control stream, as they are asked for, and as they are
shown."""

from typing import Any, Final, Literal

import msgspec
from pydantic import Field, StrictBool

from ask0.schemas.api import Answer, Text
from ask0.schemas.changes import NOTHING
from ask0.schemas.documents import MAX_REASON_CHARS
from ask0.schemas.events import write_time
from ask0.schemas.user_writes import MAX_CHANGE_TAGS, Strict

JOB: Final = "job"  # the kind of document
EXPORT: Final = "export"  # the kind that is carried out while it is downloaded: others need not wait for it either
RETENTION: Final = "retention"  # the kind that workers carry out, and no gateway: others need not wait for it
PROGRESSED: Final = "job.progressed"  # the action of a change that the audit log leaves out
CANCELLING: Final = "job.cancelling"  # of one that says it is to end

MAX_JOBS = 100  # of a project that are kept: the one finished first makes room for a new one
MAX_UNFINISHED = 5  # of a project, beside …
MAX_EXPORTS = 5  # … those that wait to be downloaded
MAX_JOB_IDS = 10_000  # users that are named one by one

Status = Literal["waiting", "running", "done", "failed", "cancelled"]
Deed = Literal["tag", "untag", "set", "deactivate", "reactivate", "erase", "anonymize", "delete_conversations"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A project has so many places for jobs, and a new one takes the place of an old one: deleted documents leave their
    versions behind in every process, for ever. Times are epoch ms."""

    id: str  # job_…
    project_id: str
    place: int
    kind: str
    actor: str  # who asked for it
    request: str  # the id of the request
    digest: str  # of what was asked: the same idempotency key with another body is a mistake
    asked_at: int
    status: Status = "waiting"
    runner: str = ""  # the process that carries it out: others leave it alone as long as the document moves
    work: msgspec.Raw = NOTHING  # what is to be done, as its kind has it; nothing any more once it is finished
    state: msgspec.Raw = NOTHING  # where to go on, likewise
    done: int = 0
    total: int | None = None
    receipt: msgspec.Raw = NOTHING  # what came of it
    code: str = ""  # why it failed
    message: str = ""
    cancel_asked_at: int | None = None  # since when it is to end: whoever carries it out does so at its next step
    finished_at: int | None = None

    @property
    def subject(self) -> str:
        return f"{self.project_id}/{self.place}"

    @property
    def is_finished(self) -> bool:
        return self.status in ("done", "failed", "cancelled")


class Whom(Strict):
    """One of these."""

    ids: list[str] | None = Field(default=None, min_length=1, max_length=MAX_JOB_IDS)
    filter: Any = Field(default=None, description='See docs/filters.md; {"all": []} is everyone')
    segment: str | None = Field(default=None, description="seg_…")


class BulkAsked(Whom):
    """Whom: one of `ids`, `filter` and `segment`. What: `do`, and what it needs."""

    do: Deed
    tags: list[str] | None = Field(
        default=None, min_length=1, max_length=MAX_CHANGE_TAGS, description="For tag and untag"
    )
    traits: dict[str, Any] | None = Field(default=None, min_length=1, description="For set; null unsets a trait")
    reason: str | None = Field(default=None, max_length=MAX_REASON_CHARS, description="For deactivate")
    deleteConversations: StrictBool | None = Field(
        default=None, description="For erase: their conversations go too; else the texts stay, under a random id"
    )


class JobProgress(Answer):
    done: int = Field(description="Users")
    total: int | None = Field(description="null until they are found")


class JobShown(Answer):
    id: str
    kind: str = Field(description="What it does, such as tag, erase or export")
    status: Status
    progress: JobProgress
    receipt: dict[str, Any] | None = Field(
        description="Of one that is done: users `changed`, `unchanged`, `unknown`, and `refused` by code; of one that "
        "was cancelled, until then. Of an export: see there"
    )
    code: Text = Field(description="Of one that failed: why")
    message: Text
    created_at: str
    cancel_asked_at: Text = Field(description="Since when it is to end after the piece at hand")
    finished_at: Text


def show(job: Job) -> dict[str, Any]:
    """As JobShown."""
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "progress": {"done": job.done, "total": job.total},
        "receipt": msgspec.json.decode(job.receipt),
        "code": job.code or None,
        "message": job.message or None,
        "createdAt": write_time(job.asked_at),
        "cancelAskedAt": write_time(job.cancel_asked_at) if job.cancel_asked_at else None,
        "finishedAt": write_time(job.finished_at) if job.finished_at else None,
    }


class JobAnswer(Answer):
    job: JobShown


class JobList(Answer):
    jobs: list[JobShown] = Field(description="The newest first")
    next: None


class RefusedLine(Answer):
    line: int
    id: str = Field(description="Empty if it could not be read")
    code: str
    message: str


class ImportReport(Answer):
    """Of the lines that were read."""

    accepted: int = Field(description="They are on the log")
    pending: int = Field(description="Of these, those that reading did not show yet within five seconds")
    refused: int
    lines: list[RefusedLine] = Field(description="The first thousand that were refused")
