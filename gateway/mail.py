"""Mail: plain text to one person, by the server of ASK0_SMTP_URL. Nobody waits long for it, and it may fail."""

import asyncio
import contextlib
import logging
import re
import ssl
import time
from collections import Counter
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import urlsplit

import aiosmtplib

from ask0.gateway.errors import QuotaExceeded
from ask0.gateway.sessions.attempts import Attempts
from ask0.schemas.settings import LOOPBACK, Settings, smtp_server

SECONDS = 10.0  # for one mail, from the connection to the server's word
MOST_AT_ONCE = 4  # connections
MOST_WAITING = 20  # with those under way; beyond them mail is not sent …
MOST_OF_PROJECT = 5  # … or those of one project
HOUR = 3_600.0
# So many at once, and that many an hour: nobody is to be flooded by way of Ask0.
PER_RECIPIENT, PER_SENDER, PER_PROJECT = 5, 50, 200
# What every server takes. Of the rest, some read an address as several, or as one of theirs.
ADDRESS = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@([A-Za-z0-9.-]{1,255})")

logger = logging.getLogger(__name__)


class Mailer:
    def __init__(self, settings: Settings) -> None:
        url = settings.smtp_url.get_secret_value()
        self.is_on = bool(url)
        if not url:
            return
        self._server = smtp_server(url)
        self._sender, self._host = settings.mail_from, urlsplit(settings.public_url).hostname or "localhost"
        self._tls = ssl.create_default_context()
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting = Counter[str]()  # by project
        bounds = {"recipient": PER_RECIPIENT, "sender": PER_SENDER, "project": PER_PROJECT}
        self._sent = {whose: Attempts(most, HOUR / most) for whose, most in bounds.items()}

    async def send(self, to: str, subject: str, text: str, *, sender: str, project_id: str) -> bool:
        """Whether the server has taken it. `sender` and `project_id` are those that pay for it."""
        is_full = self._waiting.total() >= MOST_WAITING or self._waiting[project_id] >= MOST_OF_PROJECT
        if not ADDRESS.fullmatch(to) or is_full or not self._may(to, sender, project_id):
            logger.warning("a mail of %s is not sent: the address is none, or too many are", project_id)
            return False
        self._waiting[project_id] += 1
        try:
            async with asyncio.timeout(SECONDS), self._places:
                await self._hand_over(self._message(to, subject, text), to)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            logger.warning("a mail of %s is not sent: %s", project_id, type(error).__name__)
            return False
        finally:
            self._waiting[project_id] -= 1
            self._waiting += Counter()  # without those that have none
        return True

    def _may(self, to: str, sender: str, project_id: str) -> bool:
        now, whose = time.monotonic(), {"recipient": to.lower(), "sender": sender, "project": project_id}
        try:
            for kind, one in whose.items():
                self._sent[kind].check(one, now=now)
        except QuotaExceeded:
            return False
        for kind, one in whose.items():
            self._sent[kind].fail(one, now=now)
        return True

    def _message(self, to: str, subject: str, text: str) -> EmailMessage:
        """Raises ValueError for what would be more than one header."""
        message = EmailMessage(policy=SMTP)
        name, address = parseaddr(self._sender)
        user, _, domain = to.rpartition("@")
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(username=user, domain=domain)
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._host)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="quoted-printable")
        return message

    async def _hand_over(self, message: EmailMessage, to: str) -> None:
        """A password goes over TLS alone, or within this machine; other mail over TLS where the server offers it."""
        server = self._server
        is_near = server.host in LOOPBACK
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            use_tls=server.is_tls,
            start_tls=False if server.is_tls or is_near else True if server.user else None,
            tls_context=self._tls,
            local_hostname=self._host,
            timeout=SECONDS,
        )
        try:
            await client.connect()
            await client.send_message(message, sender=parseaddr(self._sender)[1], recipients=[to])
            with contextlib.suppress(aiosmtplib.SMTPException):
                await client.quit()
        finally:
            client.close()
