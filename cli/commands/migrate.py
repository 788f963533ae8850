"""`ask0 migrate`: bring the database to this program's schema."""

import click

from ask0.cli.beginning import begin, needs_entry
from ask0.cli.connection import open_warehouse
from ask0.cli.documents import with_documents
from ask0.cli.environment import read_settings
from ask0.cli.output import echo_json
from ask0.warehouse.migrate import migrate, pending


@click.command("migrate")
@click.option("--check", is_flag=True, help="Only say what is missing; exit 1 if something is.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the migrations as JSON.")
@click.pass_context
def command(ctx: click.Context, check: bool, as_json: bool) -> None:
    """Apply the migrations that the database lacks, and make the project of ASK0_BOOTSTRAP_* if it is absent.

    Projects and keys that the table `catalog` held before there was a control stream enter that stream, once.

    Safe to repeat, and to run while the old version still works. It never goes backwards: a database that is newer
    than this program is refused.

    \b
    Example:
      ask0 migrate
      ask0 migrate --check
    """
    settings = read_settings()
    with open_warehouse(settings) as warehouse:
        names = pending(warehouse) if check else migrate(warehouse)
        if not check and (settings.bootstrap_project or needs_entry(warehouse)):
            with_documents(settings, lambda replica: begin(replica, warehouse, settings))
    if as_json:
        echo_json(names)
    else:
        word = "Missing" if check else "Applied"
        click.echo("\n".join(f"{word}: {name}" for name in names) or "The database is up to date.")
    if check and names:
        ctx.exit(1)
