"""Erasure: how ids are hashed that are to be known again, what a project keeps of them, and what its jobs keep."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from ask0.schemas.api import Answer
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.user_writes import Strict

SUPPRESSION: Final = "suppression"  # the kind of document
FOR_EVER: Final = 2**63 - 1
MAX_HASHES = 2_000  # in one document
MAX_PACKS = 250  # documents of a project: every process holds them

# Jobs: users go; their events stay, tied to nobody; their conversations go, and they stay; all goes to another project.
Erasing = Literal["erase", "anonymize", "delete_conversations", "transfer"]
ERASING: Final[tuple[Erasing, ...]] = get_args(Erasing)

TALK = "talk\0"  # before an id: what that one says in conversations


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a project's hashes, in hexadecimal. Of those of `until` only what was received up to a moment (epoch ms)
    is dropped."""

    project_id: str
    place: int
    key: str  # the same in each of the project's
    hashes: tuple[str, ...] = ()
    until: dict[str, int] = {}

    @property
    def subject(self) -> str:
        return f"{self.project_id}/{self.place}"


class ErasureWork(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of those on the `list`, which lies in ClickHouse: no document may name them."""

    list: str
    with_conversations: bool = False  # erase: whether they go too; else their texts stay, under a random id
    into: str = ""  # transfer: the other project


class ErasureState(msgspec.Struct, frozen=True):
    """The first `done` of the list are; `stage` says how far the `users` are that come next, as `run` names them."""

    total: int
    done: int = 0
    run: str = ""
    users: int = 0
    stage: str = "next"
    place: int = 0  # of the table that comes next
    looks: int = 0
    ids: int = 0  # that are theirs
    positions: tuple[tuple[int, int], ...] = ()  # on the log, which the workers have to reach
    found: dict[str, int] = {}  # of the run, by what it is
    removed: dict[str, int] = {}  # of all runs that are done


class EraseQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    deleteConversations: bool = Field(
        default=False, description="Conversations go too; else their texts stay, under a random id"
    )
    anonymize: bool = Field(
        default=False,
        description="Events and conversations stay, tied to nobody: without texts, addresses, and traits of a person",
    )


class TransferOrder(Strict):
    project: str = Field(max_length=MAX_ID_CHARS, description="The other one, proj_…")
    key: str = Field(max_length=MAX_ID_CHARS, repr=False, description="A secret key of it, with the scope users:write")


class Lifted(Answer):
    lifted: bool


def hash_id(key: str, id: str) -> str:
    """Of a user's or a guest's id, or of TALK and that: 32 hexadecimal characters. warehouse/suppressions.py says the
    same in SQL."""
    return sha256(f"{key}\0{id}".encode()).hexdigest()[:32]


def sign_text(receipt: Mapping[str, Any]) -> str:
    """What the signature of a receipt is of: the receipt without it, as JSON in one certain form."""
    said = {name: value for name, value in receipt.items() if name != "signature"}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
