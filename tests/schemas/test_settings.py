"""A setting is what its variable says, or the start stops with the variable's name."""

from pathlib import Path

import pytest

from ask0.schemas.settings import Settings, SettingsError


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
    ],
)
def test_an_unknown_or_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({name: value})


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError, match=r"ASK0_PORT.*ASK0_WHAT|ASK0_WHAT.*ASK0_PORT"):
        Settings.from_environ({"ASK0_PORT": "x", "ASK0_WHAT": "y"})


def test_bootstrap_keys_need_a_project() -> None:
    with pytest.raises(SettingsError, match="ASK0_BOOTSTRAP_PROJECT"):
        Settings.from_environ({"ASK0_BOOTSTRAP_WRITE_KEY": "wk_1"})


def test_a_secret_is_in_no_message_and_no_repr() -> None:
    environ = {
        "ASK0_ANALYST_PASSWORD": "hunter2",
        "ASK0_BOOTSTRAP_PROJECT": "p",
        "ASK0_BOOTSTRAP_SECRET_KEY": "sk_1234",
    }
    shown = repr(Settings.from_environ(environ))
    assert "hunter2" not in shown
    assert "sk_1234" not in shown
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environ({"ASK0_CLICKHOUSE": "clickhouse://user:hunter2@127.0.0.1"})
    assert "hunter2" not in str(refusal.value)
