"""Keys open what they are for, and a secret key cannot be read out of the catalog."""

import msgspec

from schemas.catalog import Catalog, hash_secret, secret_key, write_key


def test_a_secret_key_is_kept_as_a_hash_and_its_first_characters() -> None:
    key = secret_key("sk_abcdefghijklmnop", "proj_1", 1)
    stored = msgspec.json.encode(key).decode()
    assert key.id == hash_secret("sk_abcdefghijklmnop")
    assert "sk_abcd…" in stored
    assert "efgh" not in stored


def test_only_a_live_write_key_sends_events() -> None:
    live, secret = write_key("wk_live", "proj_1", 1), secret_key("sk_secret", "proj_1", 1)
    revoked = msgspec.structs.replace(write_key("wk_old", "proj_1", 1), revoked_at=2)
    catalog = Catalog(keys={key.id: key for key in (live, secret, revoked)})
    assert catalog.project_of_write_key("wk_live") == "proj_1"
    assert catalog.project_of_write_key("wk_old") is None
    assert catalog.project_of_write_key("sk_secret") is None
    assert catalog.project_of_write_key(hash_secret("sk_secret")) is None
