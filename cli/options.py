"""Options of the commands that call a running server with a secret key."""

import click

from ask0.schemas.settings import Settings

url_option = click.option("--url", help="Address of the gateway.  [default: the server running on this data folder]")
key_option = click.option("--secret-key", help="Secret key of the project.  [default: ASK0_BOOTSTRAP_SECRET_KEY]")
patience_option = click.option(
    "--patience",
    type=click.FloatRange(0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on trying while the server is away or busy.",
)


def find_secret_key(settings: Settings, given: str | None) -> str:
    """Raises UsageError without any."""
    key = given or settings.bootstrap_secret_key.get_secret_value()
    if not key:
        raise click.UsageError("Give --secret-key; `ask0 key create --secret` makes one.")
    return key
