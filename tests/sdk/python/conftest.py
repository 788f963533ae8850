"""The SDK from its folder, in both of its forms, and what stands in for a gateway."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SDK = Path(__file__).parents[3] / "sdk" / "python"
sys.path.insert(0, str(SDK))  # the SDK is no part of the server: it is installed where it is used


from ask0_sdk import steps  # noqa: E402

from bench.stack import Stack  # noqa: E402
from tests.sdk.python.clients import SECRET_KEY  # noqa: E402
from tests.sdk.python.gateway_double import GatewayDouble, open_double  # noqa: E402


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries, where the server does not say how long."""
    monkeypatch.setattr(steps, "FIRST_SECONDS", 0.002)


@pytest.fixture
def double() -> Iterator[GatewayDouble]:
    with open_double() as double:
        yield double


@pytest.fixture(scope="package")
def ask0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real one, of this package's tests; what each sends goes by a name of its own."""
    with Stack(tmp_path_factory.mktemp("data"), ASK0_BOOTSTRAP_SECRET_KEY=SECRET_KEY) as running:
        yield running
