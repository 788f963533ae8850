"""`ask0 sql`: a statement to ClickHouse, whether the server runs or not."""

import sys
from contextlib import ExitStack

import click

from ask0.cli.connection import reachable_dsn
from ask0.cli.environment import read_settings
from ask0.cli.statements import stream
from ask0.schemas.settings import Settings

TABLE = "PrettyCompactMonoBlock"


@click.command("sql")
@click.argument("statement", required=False)
@click.option("--format", "fmt", default=TABLE, show_default=True, help="Any output format of ClickHouse's.")
def command(statement: str | None, fmt: str) -> None:
    """Run STATEMENT, or the one on standard input, in database ask0.

    Tables: events, users, conversations, identities, quarantine. It reaches the running server's ClickHouse, opens the
    embedded one when no server runs, or uses the one in ASK0_CLICKHOUSE. It may write: analysts have their own user.

    \b
    Example:
      ask0 sql "SELECT event, count() FROM events GROUP BY event ORDER BY 2 DESC"
      ask0 sql "SELECT * FROM users" --format CSVWithNames > users.csv
    """
    text = (statement if statement is not None else sys.stdin.read()).strip().rstrip(";")
    if not text:
        raise click.UsageError("There is no statement: give one as argument or on standard input.")
    settings = read_settings()
    with ExitStack() as stack:
        dsn = reachable_dsn(settings, stack)
        if dsn.startswith("chdb:"):
            dsn = _opened_here(settings, stack)
        for piece in stream(dsn, text, fmt):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def _opened_here(settings: Settings, stack: ExitStack) -> str:
    """The embedded engine, answering as the running server would. Imported here: the engine takes half a second."""
    from ask0.cli.embedded import answering
    from ask0.warehouse.connect import Warehouse

    stack.enter_context(Warehouse(settings.clickhouse_dsn))
    return stack.enter_context(answering(settings, analysts=False)).dsn
