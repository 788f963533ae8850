"""What is mailed to whoever is invited, or gets a link for a new password."""

from typing import NamedTuple

from ask0.catalog.cache import CatalogCache
from ask0.catalog.members import By, Members
from ask0.gateway.mail import Mailer
from ask0.gateway.sessions.records import Records
from ask0.schemas.members import LinkKind, Member

MAX_NAME_CHARS = 80  # of a project, a role or a person: a mail is no place for other people's texts


class MemberMail(NamedTuple):
    mailer: Mailer
    members: Members
    catalog: CatalogCache
    records: Records
    provider: str  # host of the OpenID provider, empty if there is none

    async def send(self, member: Member, kind: LinkKind, link: str, project_id: str, by: By) -> bool | None:
        """Whether it was sent; None where no mail is set up, or it is not known where to."""
        if not self.mailer.is_on or not member.email:
            return None
        project = self.catalog.current.projects.get(project_id)
        place = _plain(project.name if project else project_id)
        if kind == "invitation":
            subject, text = f"Invitation to {place} on Ask0", self._invitation(member, link, project_id, place, by)
        else:
            subject, text = "A new password on Ask0", self._reset(link, place, by)
        was_sent = await self.mailer.send(member.email, subject, text, sender=by.actor, project_id=project_id)
        if was_sent:
            self.records.told_in(project_id, member, "member.mailed", by)
        return was_sent

    def _invitation(self, member: Member, link: str, project_id: str, place: str, by: By) -> str:
        found = self.members.role(project_id, member.role_in(project_id) or "")
        role = f", as {_plain(found[0])}" if found else ""
        other_way = f"Or sign in with {self.provider} at {link.partition('enter#')[0]}\n\n" if self.provider else ""
        return (
            f"{self._who(by)} invites you to {place} on Ask0{role}.\n\n"
            f"Choose a password with this link, which works once, within a week:\n{link}\n\n{other_way}"
            "If you do not expect this, do nothing: you get no more mail because of it.\n"
        )

    def _reset(self, link: str, place: str, by: By) -> str:
        return (
            f"{self._who(by)}, who manages the members of {place} on Ask0, has made a link for you to set a new "
            f"password. It works once, within a week:\n{link}\n\n"
            "Your sessions end with it, and one-time codes go off. If you do not expect this, ask them before you "
            "open it.\n"
        )

    def _who(self, by: By) -> str:
        stored = self.members.get(by.actor.removeprefix("member:"))
        if stored is None:
            return "A program that manages its members"
        name, email = _plain(stored.document.name), stored.document.email
        return f"{name} ({email})" if name and email else name or email or "An owner"


def _plain(text: str) -> str:
    """On one line, without what turns text round or hides it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MAX_NAME_CHARS]
