"""What a provider says about itself is of use, or nobody is sent there; and it costs little time and memory."""

import json
import socket
from typing import Any

import pytest

from ask0.gateway.oidc.fetching import MOST_BYTES, Fetching, ProviderFailed
from ask0.gateway.oidc.provider import Provider
from tests.browser.pages import serve_pages

DISCOVERY = "/.well-known/openid-configuration"


async def begin(document: bytes, media_type: str = "application/json", headers: dict[str, str] | None = None) -> str:
    """`ISSUER` in the document is the address that it comes from."""
    pages = {DISCOVERY: (media_type, document)}
    with serve_pages(pages, headers) as url:
        issuer = url.rstrip("/")
        pages[DISCOVERY] = media_type, document.replace(b"ISSUER", issuer.encode())
        fetching = Fetching()
        try:
            return await Provider(issuer, "ask0", "secret", fetching).begin_url(
                "https://ask0.example.com/back", "state", "nonce", "verifier"
            )
        finally:
            await fetching.close()


def document(**more: Any) -> bytes:
    said = {
        "issuer": "ISSUER",
        "authorization_endpoint": "https://a.example/begin?tenant=1",
        "token_endpoint": "https://a.example/token",
        "jwks_uri": "https://a.example/keys",
        **more,
    }
    return json.dumps(said).encode()


async def test_a_browser_is_sent_where_the_provider_says() -> None:
    url = await begin(document())
    assert url.startswith("https://a.example/begin?tenant=1&response_type=code&client_id=ask0&")
    assert "&code_challenge_method=S256" in url
    assert "verifier" not in url


@pytest.mark.parametrize(
    "said",
    [
        document(issuer="https://another.example"),
        document(issuer=None),
        document(authorization_endpoint="javascript:alert(1)"),
        document(authorization_endpoint=["https://a.example"]),
        document(token_endpoint="http://a.example/token"),
        document(jwks_uri=""),
        document(userinfo_endpoint="http://a.example/me"),
        document(more="x" * MOST_BYTES),
        b"<!doctype html>",
        b"[" * 100_000,
        b"[]",
        b"",
        b"\xff",
    ],
    ids=range(13),
)
async def test_a_document_that_is_of_no_use_sends_nobody_anywhere(said: bytes) -> None:
    with pytest.raises(ProviderFailed):
        await begin(said)


async def test_nothing_is_unpacked() -> None:
    with pytest.raises(ProviderFailed, match="packed"):
        await begin(document(), headers={"content-encoding": "gzip"})


async def test_a_provider_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fetching = Fetching(seconds=0.2)
        with pytest.raises(ProviderFailed, match="does not answer"):
            await fetching.object("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        await fetching.close()
