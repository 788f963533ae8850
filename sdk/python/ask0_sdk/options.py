"""What a client is told at its start, checked."""

from base64 import b64encode
from dataclasses import dataclass, field

VERSION = "0.1.0"
NAME = "ask0-sdk-python"


@dataclass(frozen=True)
class Options:
    """Raises ValueError for what cannot be meant."""

    secret_key: str = field(repr=False)
    host: str
    project: str = "-"
    flush_at: int = 100
    flush_seconds: float = 1.0
    max_queue_bytes: int = 20_000_000
    max_retries: int = 5
    timeout_seconds: float = 10.0
    close_seconds: float = 5.0

    def __post_init__(self) -> None:
        if not (isinstance(self.secret_key, str) and self.secret_key.isascii() and self.secret_key.isprintable()):
            raise ValueError("secret_key is the text that `ask0 key create --secret` printed")
        if not self.secret_key.strip():
            raise ValueError("secret_key is empty")
        if not self.host.startswith(("http://", "https://")):
            raise ValueError(f"host is the gateway's address, such as https://ask0.example.com, not {self.host!r}")
        if not self.project or self.project in (".", ".."):
            raise ValueError("project is a project's id, or `-` for the project of the key")
        for name in ("flush_at", "flush_seconds", "max_queue_bytes", "timeout_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is more than 0")
        for name in ("max_retries", "close_seconds"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is 0 or more")

    def url(self, path: str) -> str:
        return self.host.rstrip("/") + path

    def headers(self, *, beacon: bool) -> dict[str, str]:
        """Of every request. Beacons know the key as the user name of Basic."""
        key = self.secret_key.strip()
        basic = b64encode(f"{key}:".encode()).decode()
        return {
            "authorization": f"Basic {basic}" if beacon else f"Bearer {key}",
            "user-agent": f"{NAME}/{VERSION}",
            "accept": "application/json",
        }
