"""Secrets lie on the log sealed: only who has the key opens them, and only for the id they were sealed for."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ask0.catalog.errors import CatalogError
from ask0.catalog.sealing import KEY_FILE, Seal, is_sealed, seal_of
from ask0.schemas.settings import Settings

KEY, OTHER_KEY = "k" * 32, "o" * 32


@given(st.text(max_size=100), st.text(max_size=20))
def test_a_secret_comes_back_as_it_was(secret: str, purpose: str) -> None:
    sealed = Seal(KEY).close(secret, purpose)
    assert is_sealed(sealed)
    assert Seal(KEY).open(sealed, purpose) == secret
    assert len(secret) < 4 or secret not in sealed


def test_it_opens_for_nobody_else_and_nothing_else() -> None:
    sealed = Seal(KEY).close("the secret", "vk_1")
    with pytest.raises(ValueError, match="another ASK0_SEALING_KEY"):
        Seal(OTHER_KEY).open(sealed, "vk_1")
    with pytest.raises(ValueError, match="there is no ASK0_SEALING_KEY"):
        Seal().open(sealed, "vk_1")
    with pytest.raises(ValueError, match="broken"):
        Seal(KEY).open(sealed, "vk_2")
    with pytest.raises(ValueError, match="broken"):
        Seal(KEY).open(f"{sealed[:-9]}AAAAAAAA=", "vk_1")


def test_what_was_stored_before_there_were_seals_is_read() -> None:
    assert Seal().open("vs_of_before", "vk_1") == "vs_of_before"


def test_without_a_key_nothing_is_sealed_and_the_reason_names_the_setting() -> None:
    with pytest.raises(CatalogError, match="ASK0_SEALING_KEY"):
        Seal().close("secret", "vk_1")
    with pytest.raises(CatalogError, match="at least 32 characters"):
        Seal("short").close("secret", "vk_1")


def test_the_embedded_log_has_a_key_in_the_data_folder_that_nobody_else_reads(tmp_path: Path) -> None:
    settings = Settings.from_environ({"ASK0_DATA_DIR": str(tmp_path / "data")})
    sealed = seal_of(settings).close("secret", "vk_1")
    assert stat.S_IMODE((tmp_path / "data" / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == [KEY_FILE]
    assert seal_of(settings).open(sealed, "vk_1") == "secret"
    assert seal_of(settings).close("secret", "vk_1") != sealed


def test_processes_that_share_kafka_have_to_be_told_their_key(tmp_path: Path) -> None:
    settings = Settings.from_environ({"ASK0_DATA_DIR": str(tmp_path), "ASK0_LOG": "kafka://127.0.0.1:9/events"})
    with pytest.raises(CatalogError, match="the same long random text for every process"):
        seal_of(settings).close("secret", "vk_1")
    assert list(tmp_path.iterdir()) == []
