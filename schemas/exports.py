"""Exports of many users, as a job that is carried out while its file is downloaded: as asked for, kept, and told."""

from typing import Final, Literal

import msgspec
from pydantic import Field

from ask0.schemas.api import Answer
from ask0.schemas.jobs import JobShown, Whom
from ask0.schemas.user_export import Format

What = Literal["profiles", "everything"]

STANDS_SECONDS = 24 * 60 * 60  # from when it was asked for: one that nobody downloads until then ends as failed
EXPIRED: Final = "expired"
USERS_LOST: Final = "users_lost"
MOST_OF_EVERYTHING = 10_000  # users: each takes a dozen questions to the database


class ExportAsked(Whom):
    """Whom: one of `ids`, `filter` and `segment`."""

    format: Format = Field(
        default="json", description="json: a line for each user. csv: a CSV, of everything a zip with one of each part"
    )
    what: What = Field(
        default="profiles",
        description=f"everything: as the export of one user, but for the quarantine; of {MOST_OF_EVERYTHING:,} users "
        "at most, and with the scope events:read",
    )


class ExportAnswer(Answer):
    job: JobShown
    download: str = Field(description="The path of the file, which is made while it is downloaded")


class ExportWork(msgspec.Struct, frozen=True):
    """Of those on the `list`, which lies in ClickHouse: a document names nobody."""

    list: str
    format: Format
    what: What


class ExportReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed out. Of an export that was cancelled: until then, of the last download."""

    format: Format
    what: What
    users: int = 0
    rows: int = 0  # lines of JSON, or rows of the CSVs, but for about.csv
    bytes: int = 0
    sha256: str = ""  # of the whole file; empty where it did not come to that
    erased: int = 0  # who were erased since they were listed, and are not in it
    unknown: int = 0  # whom nobody has met under this id, or who were merged since they were listed
