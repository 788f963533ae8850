"""`ask0 user erase` and `lift`: people out of everything that is stored, and in again."""

from collections.abc import Sequence

import click

from ask0.cli import erasures
from ask0.cli.api import Api
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.options import find_secret_key, key_option, patience_option, url_option
from ask0.cli.output import echo_json, plain
from ask0.cli.progress import Bar
from ask0.cli.target import find_url
from ask0.schemas.erasure import Erasing
from ask0.schemas.jobs import MAX_JOB_IDS
from ask0.schemas.user_writes import WriteInvalid, user_id_of

SUPPRESSED = "Whatever comes of them later is dropped, until `ask0 user lift`."
GOES: dict[tuple[Erasing, bool], str] = {
    ("erase", False): "All of {whom} goes: profile, guests, merged users, events, segments, history, and what the "
    f"audit log says of them. Their conversations stay with their texts, tied to nobody. {SUPPRESSED}",
    ("erase", True): "All of {whom} goes: profile, guests, merged users, events, conversations, segments, history, "
    f"and what the audit log says of them. {SUPPRESSED}",
    ("anonymize", False): "{whom} cannot be told any more: what was done stays, tied to nobody, without texts, "
    f"addresses and personal traits. {SUPPRESSED}",
    ("delete_conversations", False): "The conversations of {whom} go, with all of their events; the rest stays.",
}


@click.command("erase")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("--anonymize", is_flag=True, help="What they did stays, tied to nobody, without texts and traits.")
@click.option("--delete-conversations", is_flag=True, help="Their conversations go too.")
@click.option("--only-conversations", is_flag=True, help="Nothing but their conversations goes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@key_option
@patience_option
def erase(
    ids: tuple[str, ...],
    anonymize: bool,
    delete_conversations: bool,
    only_conversations: bool,
    yes: bool,
    url: str | None,
    secret_key: str | None,
    patience: float,
) -> None:
    """Erase users, each by ID, whoever they are: also guests, and those whom nobody has met. Nothing brings them back.

    It waits for the job and prints its signed receipt as JSON, which `ask0 job verify` checks. The job goes on by
    itself if this command is ended. The key needs the scopes users:write and users:erase.

    \b
    Example:
      ask0 user erase user_42 --delete-conversations > receipt.json
      ask0 user erase user_42 user_43 --anonymize --yes
    """
    if anonymize + delete_conversations + only_conversations > 1:
        raise click.UsageError("Give one of --anonymize, --delete-conversations and --only-conversations.")
    kind: Erasing = "anonymize" if anonymize else "delete_conversations" if only_conversations else "erase"
    whom = list(dict.fromkeys(map(_id, ids)))
    if len(whom) > MAX_JOB_IDS:
        raise click.UsageError(f"At most {MAX_JOB_IDS:,} users at once.")
    with _open_api(url, secret_key, patience) as api:
        if not yes:
            _confirm(whom, GOES[kind, delete_conversations])
        job = erasures.ask(api, kind, whom, with_conversations=delete_conversations)
        try:
            with Bar("erase", len(whom), "users") as bar:
                receipt = erasures.wait(api, job, lambda done: bar.move(done - bar.events, done))
        except KeyboardInterrupt:
            raise Failure(f"the job goes on by itself, `ask0 job get {job}` says how far it is") from None
    echo_json(receipt)


@click.command("lift")
@click.argument("id")
@url_option
@key_option
@patience_option
def lift(id: str, url: str | None, secret_key: str | None, patience: float) -> None:
    """Let user ID, who was erased, in again: what is received from now on is kept, what was before stays dropped.

    It is one id: guests of theirs, and users who were merged, have their own. The key needs the scope users:erase.

    \b
    Example:
      ask0 user lift user_42
    """
    user = _id(id)
    with _open_api(url, secret_key, patience) as api:
        erasures.lift(api, user)
    click.echo(f"{plain(user)} is let in again.")


def _open_api(url: str | None, secret_key: str | None, patience: float) -> Api:
    settings = read_settings()
    key = find_secret_key(settings, secret_key)
    return Api(
        find_url(settings, url),
        key,
        patience_seconds=patience,
        consolation="what was asked for may be under way all the same, `ask0 job list` says so",
    )


def _confirm(ids: Sequence[str], goes: str) -> None:
    """Raises Failure unless somebody types whom it is about."""
    only = len(ids) == 1
    word = plain(ids[0]) if only else str(len(ids))
    click.echo(goes.format(whom=word if only else f"{word} users") + " This cannot be undone.", err=True)
    typed: str = click.prompt(f"Type {'the id' if only else 'how many they are'} to go on", err=True)
    if typed.strip() != word.strip():
        raise Failure("nothing is erased: that is not what was to be typed")


def _id(given: str) -> str:
    try:
        return user_id_of(given, "ID")
    except WriteInvalid as error:
        raise click.UsageError(str(error)) from None
