"""Receipts of jobs that erase: read from where people keep them, and checked against the key that signs them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from ask0.catalog.errors import CatalogError
from ask0.catalog.sealing import Seal
from ask0.cli.errors import Failure, WrongSetting
from ask0.schemas.erasure import sign_text

MAX_BYTES = 1_000_000
Receipt = Mapping[str, Any]


def is_file(name: str) -> bool:
    return name == "-" or Path(name).is_file()


def read_receipt(name: str) -> Receipt:
    """From a file, or - for standard input: the receipt itself, the job that has it, or what the API answers. Raises
    Failure."""
    try:
        with click.open_file(name, "rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Failure(f"{name} cannot be read: {error.strerror}") from error
    if len(text) > MAX_BYTES:
        raise Failure(f"{name} is no receipt: it has more than {MAX_BYTES:,} bytes")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failure(f"{name} is no receipt: it is not JSON") from error
    if isinstance(found, dict) and isinstance(found.get("job"), dict):
        found = found["job"]
    if isinstance(found, dict) and "receipt" in found:
        found = found["receipt"]
    if not isinstance(found, dict):
        raise Failure(f"{name} has no receipt: only a job that is done has one")
    return found


def is_ours(seal: Seal, receipt: Receipt) -> bool:
    """Whether it says what was signed here. Raises Failure for one that was never signed, WrongSetting without the
    key."""
    signature = receipt.get("signature")
    if signature is None:
        raise Failure("the receipt is not signed: those of jobs that erase are")
    if not isinstance(signature, str) or not signature.isascii():
        return False
    try:
        return seal.has_signed(sign_text(receipt), signature)
    except CatalogError:
        raise WrongSetting("ASK0_SEALING_KEY of the gateways is not set here: nobody can tell without it") from None
    except RecursionError:  # no receipt of ours is so deep
        return False
