"""How events are delivered: batch after batch, each until it has an outcome. Steps, as in steps.py."""

import gzip
import time
from collections.abc import Generator
from datetime import datetime, timezone
from typing import Any

from ask0_sdk.errors import Ask0Error
from ask0_sdk.outbox import MAX_BATCH_EVENTS, Outbox
from ask0_sdk.plain import iso
from ask0_sdk.requests import Answer, Reply, Request, parse, read_object, unreadable
from ask0_sdk.steps import Pause, Steps, is_away, may_pass, wait_before_next
from ask0_sdk.voice import Voice

LONGEST_SECONDS = 60.0  # between two tries, unless the server says more
COMPRESS_LEVEL = 5

Rejects = dict[int, tuple[str, str]]  # code and message, by the event's place in the batch


def carry(outbox: Outbox, voice: Voice, max_retries: int) -> Steps[None]:
    """Ends when the outbox is closed and empty, or its time is over.

    While the server is away a batch is tried without end: what a full outbox cannot take is told. Where it fails over a
    batch (500), smaller ones are sent, until the event at fault is alone and has had its `max_retries`.
    """
    most, tried = MAX_BATCH_EVENTS, 0
    while (yield from _wait_until_due(outbox)):
        batch = outbox.take(most)
        reply = yield beacon(batch)
        try:
            rejects = read_accepted(reply, len(batch))
        except Ask0Error as error:
            if error.status == 413 and len(batch) > 1:
                most = len(batch) // 2
                continue
            if may_pass(error) and (is_away(error) or len(batch) > 1 or tried < max_retries):
                voice.report(error)
                yield from _wait(outbox, wait_before_next(tried, error, LONGEST_SECONDS))
                tried += 1
                if len(batch) > 1 and not is_away(error):
                    most, tried = len(batch) // 2, 0
                continue
            rejects = dict.fromkeys(range(len(batch)), (error.code, error.message))
        most, tried = min(most * 2, MAX_BATCH_EVENTS), 0
        if outbox.settle(batch):
            for index, (code, message) in rejects.items():
                voice.refuse(code, message, batch[index])


def beacon(batch: list[bytes]) -> Request:
    """A batch as a request of now."""
    sent_at = iso(datetime.now(timezone.utc)).encode()
    body = b'{"batch":[' + b",".join(batch) + b'],"sentAt":"' + sent_at + b'"}'
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return Request("POST", "/v1/batch", headers, gzip.compress(body, COMPRESS_LEVEL, mtime=0), beacon=True)


def read_accepted(reply: Reply | None, count: int) -> Rejects:
    """What the gateway refused of a batch of so many; all else is durable. Raises Ask0Error if that is not known."""
    assert reply is not None
    if isinstance(reply, Answer) and reply.status == 400:
        document = parse(reply.body)
        if isinstance(document, dict) and isinstance(document.get("rejected"), list):  # all of it was refused
            whole = (str(document.get("code")), str(document.get("message")))
            return dict.fromkeys(range(count), whole) | _rejects(document["rejected"], reply, count)
    said = read_object(reply)
    assert isinstance(reply, Answer)
    rejected = said.get("rejected")
    if type(said.get("accepted")) is not int or not isinstance(rejected, list):
        raise unreadable(reply)
    return _rejects(rejected, reply, count)


def _rejects(rejected: list[Any], answer: Answer, count: int) -> Rejects:
    try:
        rejects = {item["index"]: (str(item["code"]), str(item["message"])) for item in rejected}
    except (TypeError, KeyError):
        raise unreadable(answer) from None
    if not all(type(index) is int and 0 <= index < count for index in rejects):
        raise unreadable(answer)
    return rejects


def _wait_until_due(outbox: Outbox) -> Generator[Pause, Reply | None, bool]:
    """Whether there is a batch to send; False ends the courier."""
    while True:
        seconds = outbox.seconds_until_due()
        if outbox.closes_at is not None:
            return seconds is not None and time.monotonic() < outbox.closes_at
        if seconds == 0:
            return True
        yield Pause(seconds)


def _wait(outbox: Outbox, seconds: float) -> Generator[Pause, Reply | None, None]:
    """So long, through all that happens meanwhile; not at all if the outbox will have closed by then."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and len(outbox):
        if outbox.closes_at is not None and until >= outbox.closes_at:
            outbox.close(at=time.monotonic())
            return
        yield Pause(left)
