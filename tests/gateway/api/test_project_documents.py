"""Who may chat, and how users prove who they are: changed over HTTP, obeyed at once, as the command line does it."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ask0.schemas.catalog import Key, Project, secret_key
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import STRICT_SECRET, Running, running, save

MINE, WRITE, ROOT, READER = "proj_documents", "wk_documents", "sk_root_of_documents", "sk_reader_of_documents"
CHAT, VERIFICATION = "/settings/chat", "/settings/verification"


@pytest.fixture
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A project that has settled nothing yet."""
    with running(tmp_path_factory.mktemp("documents"), clickhouse) as gateway:
        write = Key(id=WRITE, kind="write", project_id=MINE, shown=WRITE, created_at=1)
        keys = write, secret_key(ROOT, MINE, 1), secret_key(READER, MINE, 1, ("users:read", "access:read"))
        asyncio.run(save(gateway.log_dsn, Project(id=MINE, name="Documents", created_at=1), *keys))
        yield gateway


def call(
    gateway: Running, method: str, path: str, body: Any = None, secret: str = ROOT, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {secret}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(method, f"/v1/projects/-{path}", json=body, headers=sent)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def require(gateway: Running, required: bool = True, **headers: str) -> httpx.Response:
    body = {"required": required, "readable": ["plan", "plan", "a.b"]}
    return call(gateway, "PUT", VERIFICATION, body, **{"if_match": "*", **headers})


def test_who_may_chat_is_changed_from_the_version_that_was_seen(served: Running) -> None:
    seen = call(served, "GET", CHAT)
    assert (seen.json()["permission"], seen.headers["etag"]) == ("guest", f'"{seen.json()["version"]}"')
    assert code(call(served, "PUT", CHAT, {"permission": "login"})) == (428, "if_match_required")
    changed = call(served, "PUT", CHAT, {"permission": "login"}, if_match=seen.headers["etag"])
    assert (changed.status_code, changed.json()["permission"]) == (200, "login")
    asked = call(served, "GET", "/access?anonymous=g-1", secret=READER).json()
    assert (asked["allowed"], asked["reason"]) == (False, "login_required")
    late = call(served, "PUT", CHAT, {"permission": "user"}, if_match=seen.headers["etag"])
    assert (late.status_code, late.json()["current"]) == (412, changed.json())
    assert code(call(served, "PUT", CHAT, {"permission": "nobody"}, if_match="*")) == (400, "invalid_body")
    assert code(call(served, "PUT", CHAT, {"permission": "user"}, READER, if_match="*")) == (403, "missing_scope")
    assert call(served, "GET", CHAT, secret=STRICT_SECRET).json()["permission"] == "guest"


def test_tokens_are_required_once_a_key_can_check_them(served: Running) -> None:
    assert code(require(served)) == (409, "not_possible")
    made = call(served, "POST", f"{VERIFICATION}/keys", idempotency_key="first")
    assert made.status_code == 201, made.text
    id, secret = made.json()["id"], made.json()["secret"]
    assert [one["algorithm"] for one in made.json()["verification"]["keys"]] == ["HS256"]
    assert code(call(served, "POST", f"{VERIFICATION}/keys", idempotency_key="first")) == (409, "already_done")
    stands = require(served)
    assert (stands.status_code, stands.json()["readable"]) == (200, ["plan", "a.b"])
    said = {"userId": "pd-1", "traits": {}}
    (refused,) = served.post("/v1/identify", said, key=WRITE).json()["rejected"]
    assert refused["code"] == "token_missing"
    token = jwt.encode({"sub": "pd-1", "exp": int(time.time()) + 60}, secret, "HS256")
    assert served.post("/v1/identify", {**said, "userToken": token}, key=WRITE).json()["accepted"] == 1
    assert secret not in call(served, "GET", VERIFICATION).text
    files = [file.read_bytes() for file in served.data_dir.rglob("*") if file.is_file()]
    assert not [content for content in files if secret.encode() in content]
    removing = f"{VERIFICATION}/keys/{id}"
    assert code(call(served, "DELETE", removing, if_match="*")) == (409, "not_possible")
    assert require(served, required=False).status_code == 200
    assert code(call(served, "DELETE", removing, if_match="1")) == (412, "moved_on")
    assert call(served, "DELETE", removing, if_match="*").status_code == 204
    assert code(call(served, "DELETE", removing, if_match="*")) == (404, "unknown_key")


def test_a_public_key_is_one_and_there_are_two_keys_at_most(served: Running) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = call(served, "POST", f"{VERIFICATION}/keys", {"publicKey": pem})
    assert (made.status_code, made.json()["secret"]) == (201, None)
    assert code(call(served, "POST", f"{VERIFICATION}/keys", {"publicKey": "no key"})) == (400, "invalid_body")
    assert code(call(served, "POST", f"{VERIFICATION}/keys", {"publicKey": ""})) == (400, "invalid_body")
    assert call(served, "POST", f"{VERIFICATION}/keys").status_code == 201
    assert code(call(served, "POST", f"{VERIFICATION}/keys")) == (409, "not_possible")
    assert len(call(served, "GET", VERIFICATION).json()["keys"]) == 2
