"""Invitations and new passwords by mail, to a real SMTP server: what is in them, who gets none, and how many."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ask0.gateway import mail
from ask0.schemas.catalog import Project
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import OTHER_PROJECT, PROJECT, SECRET, Running, running, save, working
from tests.gateway.sessions.people import PASSWORD, Person, owner_of_all
from tests.mailbox import Mailbox, serving

PUBLIC = "https://ask0.example.com"
NAMED = "proj_named"  # so that a header would break


def settings(port: int, scheme: str = "smtp", host: str = "127.0.0.1") -> dict[str, Any]:
    url = f"{scheme}://{host}:{port}"
    return {"smtp_url": url, "mail_from": "Ask0 of us <ask0@example.com>", "public_url": PUBLIC}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(
    mailbox: tuple[Mailbox, int], clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("mail")
    more = {"trusted_proxies": "127.0.0.1", **settings(mailbox[1])}
    with running(folder, clickhouse, **more) as gateway, working(gateway, clickhouse):
        named = Project(id=NAMED, name="Help\r\nBcc: all@example.com\u202e", created_at=1)
        asyncio.run(save(gateway.log_dsn, named))
        yield gateway


@pytest.fixture(scope="module")
def boss(gateway: Running) -> Person:
    somebody = owner_of_all(gateway, "boss@example.com")
    somebody.call("PATCH", "/v1/session/member", {"name": "Bo\r\nBcc: all@example.com\r\n\r\nhello"})
    wait_for(lambda: somebody.call("GET", f"/v1/projects/{NAMED}/members").is_success, "the project")
    return somebody


def invite(by: Person, email: str, project_id: str = PROJECT) -> dict[str, Any]:
    answer = by.call("POST", f"/v1/projects/{project_id}/members", {"email": email, "role": "support"})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def key_of(gateway: Running) -> Person:
    return Person(gateway, authorization=f"Bearer {SECRET}")


def test_who_is_invited_gets_the_link_by_mail(gateway: Running, mailbox: tuple[Mailbox, int], boss: Person) -> None:
    told = invite(boss, "una@example.com")
    assert told["mailed"] is True
    (message,) = mailbox[0].to("una@example.com")
    assert (message["to"], message["from"]) == ("una@example.com", "Ask0 of us <ask0@example.com>")
    assert message["subject"] == f"Invitation to Project {PROJECT} on Ask0"
    text = message.get_content()
    assert told["link"].startswith(f"{PUBLIC}/console/enter#")
    assert told["link"] in text
    assert (
        f"Bo Bcc: all@example.com hello (boss@example.com) invites you to Project {PROJECT} on Ask0, as Support" in text
    )

    def entries() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = boss.call("GET", "/audit?action=member.mailed").json()["audit"]
        return [one for one in found if one["entityId"] == told["member"]["id"]]

    wait_for(entries, "the entry")
    assert entries()[0]["actor"] == f"member:{boss.id}"
    token = told["link"].partition("#")[2]
    assert all(part not in str(entries()) for part in (token, "una@"))
    una = Person(gateway)
    assert una.use_link(token, password=PASSWORD).status_code == 200
    reset = boss.call("POST", f"/members/{una.id}/reset").json()
    assert reset["mailed"] is True
    assert reset["link"] in mailbox[0].to("una@example.com")[1].get_content()


def test_no_name_makes_another_header_or_recipient(mailbox: tuple[Mailbox, int], boss: Person) -> None:
    assert invite(boss, "vic@example.com", NAMED)["mailed"] is True
    (envelope, message) = mailbox[0].mails[-1]
    assert envelope.rcpt_tos == ["vic@example.com"]
    assert message["bcc"] is None
    assert message["subject"] == "Invitation to Help Bcc: all@example.com on Ask0"
    for odd in (
        "a,b@example.com",
        "a;b@example.com",
        "(x)a@example.com",
        "a@example.com,b",
        "é@example.com",
        "a@b\x00c",
    ):
        answer = boss.call("POST", "/members", {"email": odd, "role": "viewer"})
        assert answer.status_code == 400 or (answer.json()["mailed"] is False and answer.json()["link"]), odd
    assert {recipient for envelope, _ in mailbox[0].mails for recipient in envelope.rcpt_tos} <= {
        "una@example.com",
        "vic@example.com",
    }


def test_who_has_an_account_gets_no_link_and_no_mail(
    gateway: Running, mailbox: tuple[Mailbox, int], boss: Person
) -> None:
    told = invite(boss, "wes@example.com")
    Person(gateway).use_link(told["link"].partition("#")[2], password=PASSWORD)
    again = invite(boss, "wes@example.com", OTHER_PROJECT)
    assert (again["link"], again["mailed"]) == (None, None)
    assert len(mailbox[0].to("wes@example.com")) == 1


def test_nobody_is_flooded(gateway: Running, mailbox: tuple[Mailbox, int], boss: Person) -> None:
    member = invite(boss, "flood@example.com")["member"]["id"]
    found = [boss.call("POST", f"/members/{member}/reset").json() for _ in range(mail.PER_RECIPIENT + 1)]
    assert [one["mailed"] for one in found] == [True] * (mail.PER_RECIPIENT - 1) + [False] * 2
    assert all(one["link"] for one in found)
    assert len(mailbox[0].to("flood@example.com")) == mail.PER_RECIPIENT
    key = key_of(gateway)
    sent = [invite(key, f"many-{n}@example.com")["mailed"] for n in range(mail.PER_SENDER + 1)]
    assert sent == [True] * mail.PER_SENDER + [False]
    assert invite(boss, "after-many@example.com")["mailed"] is True


def test_a_server_that_is_away_or_says_nothing_costs_the_mail_alone(
    clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with running(tmp_path, clickhouse, **settings(port)) as gateway:
            told = invite(key_of(gateway), "silent@example.com")
            assert (told["mailed"], bool(told["link"])) == (False, True)
            silent.close()
            assert invite(key_of(gateway), "away@example.com")["mailed"] is False


def test_without_a_server_nothing_is_mailed(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse) as gateway:
        told = invite(key_of(gateway), "nomail@example.com")
        assert (told["mailed"], bool(told["link"])) == (None, True)


def test_a_password_goes_over_tls_alone(clickhouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.0.0.0 is this machine, and no name of it."""
    context = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    user = {"scheme": "smtp", "host": "ask0:p%40ss%20word@0.0.0.0"}
    for name, options, more, was_sent in (
        ("plain", {"auth_require_tls": False}, user, False),
        ("starttls", {"tls_context": context}, user, True),
        ("tls", {"ssl_context": context, "auth_require_tls": False}, {**user, "scheme": "smtps"}, True),
        ("wrong", {"ssl_context": context, "auth_require_tls": False}, {"scheme": "smtps", "host": "localhost"}, False),
    ):
        (folder := tmp_path / name).mkdir()
        with (
            serving(**options) as (mailbox, port),
            running(folder, clickhouse, **settings(port, **more)) as gateway,
        ):
            assert invite(key_of(gateway), f"{name}@example.com")["mailed"] is was_sent, name
            assert mailbox.logins == [b"ask0:p@ss word"] * was_sent, name
            assert len(mailbox.mails) == was_sent


def certified(folder: Path) -> ssl.SSLContext:
    """Of a server at 0.0.0.0, for whoever trusts certificate.pem in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("0.0.0.0"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    unprotected = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unprotected))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
