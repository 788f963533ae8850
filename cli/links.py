"""Links that let people into the console."""

from ask0.catalog.members import By, Members, new_token, write_wanted
from ask0.catalog.replica import Replica
from ask0.cli.datadir import running
from ask0.schemas.members import ENTER
from ask0.schemas.settings import Settings


def console_link(settings: Settings, token: str, url: str = "") -> str:
    """`url` is where the gateway answers; else what is known of that. After the # it is sent to no server."""
    note = running(settings.data_dir)
    known = settings.public_url or url or (note.url if note else f"http://{settings.host}:{settings.port}")
    return f"{known.rstrip('/')}{ENTER}{token}"


async def first_token(replica: Replica) -> str:
    """Of a link that lets whoever runs this in as owner, in place of older ones; empty once somebody has a password."""
    members = Members(replica)
    if not members.nobody_can_sign_in:
        return ""
    token = new_token()
    for wanted in [*members.to_let_in("first", "", token)]:
        await write_wanted(replica, wanted, By("ask0"))
    return token
