"""A real OpenID provider, panva's oidc-provider, in a process of its own: `make providers` installs it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.stack import answers, free_port, wait_for

FOLDER = Path(__file__).parent
CLIENT_ID, SECRET = "ask0", "secret of the client, with 100% odd characters + more"
CALLBACK = "/v1/session/oidc/callback"


@dataclass(frozen=True)
class OpenIdProvider:
    url: str

    @property
    def settings(self) -> dict[str, Any]:
        """Of a gateway whose members sign in there."""
        return {"oidc_issuer": self.url, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SECRET}

    def set(self, accounts: Mapping[str, Any], twist: str = "") -> None:
        """Claims by login; and what is wrong with id_tokens from now on, as provider.mjs names it."""
        said = {"accounts": accounts, "twist": twist}
        assert httpx.post(f"{self.url}/control", json=said, timeout=30, verify=False).status_code == 200


@contextmanager
def open_provider(gateway: str, **environ: str) -> Iterator[OpenIdProvider]:
    """For the gateway at this address."""
    port = free_port()
    provider = OpenIdProvider(f"http://127.0.0.1:{port}")
    words = ("node", "provider.mjs", str(port), f"{gateway}{CALLBACK}")
    # What it says to developers is no message of ours.
    with subprocess.Popen(
        words, cwd=FOLDER, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            there = f"{provider.url}/.well-known/openid-configuration"
            wait_for(lambda: answers(there) or process.poll() is not None, "the provider to answer")
            assert process.poll() is None, "the provider has ended: `make providers` installs it"
            yield provider
        finally:
            process.kill()
