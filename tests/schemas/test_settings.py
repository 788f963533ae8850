"""A setting is what its variable says, or the start stops with the variable's name."""

from pathlib import Path

import pytest

from ask0.schemas.settings import Settings, SettingsError, smtp_server


def test_nothing_set_means_the_embedded_engines() -> None:
    settings = Settings.from_environ({"PATH": "/usr/bin"})
    assert settings.log_dsn.startswith("sqlite:///")
    assert settings.clickhouse_dsn.startswith("chdb:///")
    assert settings.host == "127.0.0.1"


def test_the_data_folder_moves_both_engines(tmp_path: Path) -> None:
    settings = Settings.from_environ({"ASK0_DATA_DIR": str(tmp_path)})
    assert settings.log_dsn == f"sqlite://{tmp_path}/log.sqlite3"
    assert settings.clickhouse_dsn == f"chdb://{tmp_path}/clickhouse"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASK0_PROT", "8080"),
        ("ASK0_PORT", "eighty"),
        ("ASK0_PORT", "70000"),
        ("ASK0_PORT", ""),
        ("ASK0_LOG", "redis://127.0.0.1/0"),
        ("ASK0_LOG", "sqlite://relative.db"),
        ("ASK0_LOG", "kafka://127.0.0.1:9092"),
        ("ASK0_CLICKHOUSE", "postgres://127.0.0.1"),
        ("ASK0_CLICKHOUSE", "http://"),
        ("ASK0_IP_POLICY", "hash"),
        ("ASK0_LOG_LEVEL", "loud"),
        ("ASK0_QUERY_SECONDS", "0"),
        ("ASK0_COOKIE_DOMAIN", "https://example.com"),
        ("ASK0_COOKIE_DOMAIN", "example.com:8080"),
        ("ASK0_COOKIE_DOMAIN", "example..com"),
        ("ASK0_COOKIE_DOMAIN", "."),
        ("ASK0_OIDC_ISSUER", "accounts.google.com"),
        ("ASK0_OIDC_ISSUER", "http://accounts.google.com"),
        ("ASK0_OIDC_ISSUER", "https://a.example?x=y"),
        ("ASK0_SMTP_URL", "mail.example.com"),
        ("ASK0_SMTP_URL", "smtp://ask0@mail.example.com"),
        ("ASK0_SMTP_URL", "smtp://mail.example.com:mail"),
        ("ASK0_MAIL_FROM", "Ask0"),
        ("ASK0_MAIL_FROM", "a@example.com, b@example.com"),
        ("ASK0_MAIL_FROM", "Ask0\nBcc: all <a@example.com>"),
    ],
)
def test_an_unknown_or_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({name: value})


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"ASK0_PORT.*ASK0_WHAT|ASK0_WHAT.*ASK0_PORT"):
        Settings.from_environ({"ASK0_PORT": "x", "ASK0_WHAT": "y"})


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"ASK0_OIDC_ISSUER": "https://a.example"}, "ASK0_OIDC_CLIENT_ID"),
        ({"ASK0_OIDC_CLIENT_SECRET": "x"}, "ASK0_OIDC_ISSUER"),
        ({"ASK0_SMTP_URL": "smtp://a.example", "ASK0_MAIL_FROM": "a@a.example"}, "ASK0_PUBLIC_URL"),
        ({"ASK0_SMTP_URL": "smtp://a.example", "ASK0_PUBLIC_URL": "https://a.example"}, "ASK0_MAIL_FROM"),
    ],
)
def test_what_belongs_together_is_set_together(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        Settings.from_environ(environ)


def test_gateways_that_share_a_log_share_the_seal_of_who_is_at_the_provider() -> None:
    names = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")
    environ = {f"ASK0_OIDC_{name}": "https://a.example" for name in names} | {"ASK0_LOG": "kafka://a:9092/x"}
    with pytest.raises(SettingsError, match="ASK0_SEALING_KEY"):
        Settings.from_environ(environ)
    assert Settings.from_environ(environ | {"ASK0_SEALING_KEY": "x" * 32}).oidc_issuer


def test_an_smtp_address_says_all_that_is_needed() -> None:
    assert smtp_server("smtp://a%40b:p%3Ass@mail.example.com") == ("mail.example.com", 587, "a@b", "p:ss", False)
    assert smtp_server("smtps://mail.example.com") == ("mail.example.com", 465, "", "", True)
    assert smtp_server("smtp://mail.example.com") == ("mail.example.com", 25, "", "", False)


def test_bootstrap_keys_need_a_project() -> None:
    with pytest.raises(SettingsError, match="ASK0_BOOTSTRAP_PROJECT"):
        Settings.from_environ({"ASK0_BOOTSTRAP_WRITE_KEY": "wk_1"})


def test_a_secret_is_in_no_message_and_no_repr() -> None:
    environ = {
        "ASK0_ANALYST_PASSWORD": "hunter2",
        "ASK0_BOOTSTRAP_PROJECT": "p",
        "ASK0_BOOTSTRAP_SECRET_KEY": "sk_1234",
        "ASK0_OIDC_ISSUER": "https://a.example",
        "ASK0_OIDC_CLIENT_ID": "ask0",
        "ASK0_OIDC_CLIENT_SECRET": "hunter2",
        "ASK0_SMTP_URL": "smtp://ask0:hunter2@mail.example.com",
        "ASK0_MAIL_FROM": "ask0@example.com",
        "ASK0_PUBLIC_URL": "https://ask0.example.com",
    }
    shown = repr(Settings.from_environ(environ))
    assert "hunter2" not in shown
    assert "sk_1234" not in shown
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environ({"ASK0_CLICKHOUSE": "clickhouse://user:hunter2@127.0.0.1"})
    assert "hunter2" not in str(refusal.value)
    for url in ("smtp://user:hunter2/x@mail.example.com", "smtp://user:[hunter2@mail.example.com", "hunter2"):
        with pytest.raises(SettingsError) as refusal:
            Settings.from_environ({"ASK0_SMTP_URL": url})
        assert "hunter2" not in str(refusal.value)
