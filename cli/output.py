"""How commands answer: a table for people, JSON for scripts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import orjson


def echo_json(value: object) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def echo_table(columns: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> None:
    """Aligned columns, never cut, so that keys and ids can be copied; `empty` is the sentence for no rows at all."""
    if not rows:
        click.echo(empty)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(click.style(line.rstrip(), bold=True) if row is columns else line.rstrip())


def plain(value: Any) -> str:
    """One line, whatever it holds: a control character could write elsewhere on the terminal."""
    text = "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def show_time(epoch_ms: int | None) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if epoch_ms is not None else ""
