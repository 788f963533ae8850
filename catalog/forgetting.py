"""People out of the control stream: documents about them go, and so does what is left of these on the stream.

Two kinds name users: who is deactivated, and how far a job has come among them. On the stream each id gives way to a
random one, so that whoever reads it from the beginning ends with the same documents.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from ask0.catalog.deactivations import KIND as DEACTIVATION
from ask0.catalog.documents import write_document
from ask0.catalog.errors import MovedOn
from ask0.catalog.replica import Replica
from ask0.schemas.changes import FORGOTTEN, Change, decode, encode, name_of
from ask0.schemas.documents import subject_of
from ask0.schemas.jobs import JOB

NAMING = (DEACTIVATION, JOB)
READ_SECONDS = 5.0


async def forget_documents(replica: Replica, project_id: str, ids: Collection[str], actor: str, name: str) -> None:
    """Whoever of them is deactivated is not any more, and no version says that they were. `name` is of what asks for
    it. Raises what `Replica.write` raises."""
    for subject in (subject_of(project_id, id) for id in ids):
        while version := replica.state.version_of(DEACTIVATION, subject):
            try:
                await write_document(
                    replica,
                    DEACTIVATION,
                    subject,
                    None,
                    project_id=project_id,
                    action=FORGOTTEN,
                    actor=actor,
                    request="",
                    id=f"{name}.{version}",
                    expects={name_of(DEACTIVATION, subject): version},
                )
            except MovedOn:
                continue


async def rewrite_stream(replica: Replica, project_id: str, aliases: Mapping[str, str]) -> None:
    """`aliases` are random ids by those that go. A stream that cannot be rewritten keeps what it has. Raises
    LogUnavailable, NewerVersion."""
    control = replica.control
    names = _names(project_id, aliases)
    position, end = 0, replica.state.position if control.rewritable else 0
    while position < end and (records := await control.read(position, READ_SECONDS)):
        position = records[-1][0]
        changed = {at: after for at, value in records if (after := _without(value, project_id, names)) != value}
        if changed:
            await control.rewrite(changed)


def _names(project_id: str, aliases: Mapping[str, str]) -> dict[str, str]:
    """What stands afterwards in place of each text that names them: ids, also as they were sent, and documents."""
    sent = {id.removeprefix("g-"): alias for id, alias in aliases.items() if id.startswith("g-")}
    names = {**sent, **aliases} | {
        subject_of(project_id, id): subject_of(project_id, alias) for id, alias in aliases.items()
    }
    return names | {name_of(DEACTIVATION, before): name_of(DEACTIVATION, after) for before, after in names.items()}


def _without(value: bytes, project_id: str, names: Mapping[str, str]) -> bytes:
    change = decode(value)
    if change is None or change.project_id != project_id or change.kind not in NAMING:
        return value
    body = msgspec.json.decode(change.body)
    said = _renamed(body, names)
    if change.kind == DEACTIVATION and said != body:
        said["reason"] = ""
    after = Change(
        **{name: getattr(change, name) for name in change.__struct_fields__}
        | {
            "subject": names.get(change.subject, change.subject),
            "expects": _renamed(change.expects, names),
            "body": change.body if said == body else msgspec.Raw(msgspec.json.encode(said)),
        }
    )
    return value if after == change else encode(after)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """JSON in which each text that is a name, and each key, is another one."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [_renamed(one, names) for one in value]
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(one, names) for key, one in value.items()}
    return value
