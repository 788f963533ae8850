"""Keys open what they are for, and a secret key cannot be read out of the catalog."""

import msgspec

from ask0.schemas.catalog import (
    Catalog,
    Key,
    Project,
    Verification,
    VerificationKey,
    hash_secret,
    secret_key,
    write_key,
)
from ask0.schemas.scopes import SCOPES


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


def test_only_the_hash_of_a_live_secret_key_vouches() -> None:
    live, write = secret_key("sk_secret", "proj_1", 1), write_key("wk_live", "proj_1", 1)
    revoked = msgspec.structs.replace(secret_key("sk_old", "proj_1", 1), revoked_at=2)
    catalog = Catalog(keys={key.id: key for key in (live, write, revoked)})
    assert catalog.project_of_secret(hash_secret("sk_secret")) == "proj_1"
    for text in ("sk_secret", hash_secret("sk_old"), "wk_live", hash_secret("wk_live"), hash_secret("\ud800")):
        assert catalog.project_of_secret(text) is None


def test_a_key_of_before_scopes_has_all_of_them_and_another_those_it_was_given() -> None:
    before = b'{"id":"h","kind":"secret","project_id":"p","shown":"sk_ab","created_at":1}'
    assert msgspec.json.decode(before, type=Key).allowed == {*SCOPES}
    given = secret_key("sk_1", "p", 1, ("users:read", "of:tomorrow"))
    assert msgspec.json.decode(msgspec.json.encode(given), type=Key).allowed == {"users:read", "of:tomorrow"}
    assert secret_key("sk_1", "p", 1, ()).allowed == frozenset()


def test_only_a_key_that_may_write_users_is_believed() -> None:
    keys = [secret_key(f"sk_{scope}", "proj_1", 1, (scope,)) for scope in SCOPES]
    catalog = Catalog(keys={key.id: key for key in keys})
    believed = [scope for scope in SCOPES if catalog.project_of_secret(hash_secret(f"sk_{scope}"))]
    assert believed == ["users:write"]


def test_a_project_of_before_verification_verifies_nobody() -> None:
    project = msgspec.json.decode(b'{"id":"proj_1","name":"Shop","created_at":1}', type=Project)
    assert (project.verification.required, project.verification.keys) == (False, ())
    assert "email" not in project.verification.readable


def test_a_verification_key_survives_the_catalog_and_shows_its_secret_in_no_repr() -> None:
    key = VerificationKey(id="vk_1", algorithm="HS256", key="vs_never-to-be-shown", created_at=1)
    project = Project(id="proj_1", name="Shop", created_at=1, verification=Verification(required=True, keys=(key,)))
    assert msgspec.json.decode(msgspec.json.encode(project), type=Project) == project
    assert "never" not in repr(Catalog(projects={"proj_1": project}))
