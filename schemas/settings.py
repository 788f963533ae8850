"""Every setting: read once from ASK0_* variables, strictly. The README's table and deploy/ are tested against this."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

PREFIX = "ASK0_"
LOOPBACK = ("127.0.0.1", "::1", "localhost")  # the names of this machine
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")

SENDER = re.compile(r"[^\s<>@,;:]+@[^\s<>@,;:]+|[^<>@,;:\"\x00-\x1f]+<[^\s<>@,;:]+@[^\s<>@,;:]+>")


class SettingsError(Exception):
    """A variable is unknown or malformed. The message names it and says what it takes."""


class Settings(BaseModel):
    """What one process needs to know. Field `data_dir` is variable ASK0_DATA_DIR, and so on."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address the gateway listens on")
    port: int = Field(8080, ge=0, le=65535, description="Port the gateway listens on, 0 for any free one")
    data_dir: Path = Field(Path("data"), description="Folder of the embedded log, the embedded ClickHouse and caches")
    log: str = Field(
        "", description="`sqlite:///path` or `kafka://host:port,…/topic`; empty: SQLite in the data folder"
    )
    clickhouse: str = Field(
        "", description="`chdb:///path` or `http(s)://user:password@host:8123/ask0`; empty: chDB in the data folder"
    )
    clickhouse_http_port: int = Field(
        8123, ge=0, le=65535, description="Port on which the embedded ClickHouse answers analysts' tools, 0 for off"
    )
    analyst_password: SecretStr = Field(
        SecretStr(""),
        description="Password of the read-only user `analyst`; empty: made at the first start and printed",
    )
    query_memory_mb: int = Field(2048, ge=64, description="Memory an analyst's query may take, in MB")
    query_seconds: int = Field(60, ge=1, description="Time an analyst's query may take")
    ip_policy: Literal["keep", "truncate", "drop"] = Field(
        "truncate", description="What is kept of a client's address: all, its /24 or /48 network, nothing"
    )
    trusted_proxies: str = Field(
        "", description="Comma-separated addresses or networks whose X-Forwarded-For is believed; empty: nobody's"
    )
    allowed_origins: str = Field(
        "*", description="Comma-separated origins whose pages may send events; no security border, `curl` can lie"
    )
    public_url: str = Field("", description="Address browsers reach the gateway at; empty: the request's own Host")
    cookie_domain: str = Field(
        "", description="Domain of the guest's cookie that `/v1/cookie` sets, as `example.com`; empty: the page's host"
    )
    quota_events_per_second: int = Field(
        20_000, ge=0, description="Events a project may send per second, with ten seconds of burst; 0: no limit"
    )
    quota_bytes_per_second: int = Field(
        20_000_000, ge=0, description="Bytes after inflating a project may send per second, likewise; 0: no limit"
    )
    api_requests_per_second: int = Field(
        100, ge=0, description="Calls of the API a secret key may make per second, twice as many at once; 0: no limit"
    )
    max_wait_seconds: float = Field(
        1.5, ge=0, description="Wait for the workers, from which on the heaviest projects are turned away; 0: never"
    )
    min_free_mb: int = Field(
        512, ge=0, description="Room on the disk, in MB, below which nothing is accepted until there is more"
    )
    max_connections: int = Field(
        4096, ge=16, description="Connections a gateway keeps open; beyond them the longest idle one makes room"
    )
    gateway_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes of one `ask0 gateway`, on one port; quotas hold for each of them",
    )
    worker_port: int = Field(
        8081, ge=0, le=65535, description="Port on which `ask0 worker` answers /health and /metrics, 0 for any free one"
    )
    kafka_group: str = Field("ask0-worker", min_length=1, description="Consumer group of the workers")
    sealing_key: SecretStr = Field(
        SecretStr(""),
        description="Seals secrets on the log, 32 characters or more, the same for every process; with the embedded log"
        " one is made in the data folder",
    )
    session_hours: int = Field(
        168, ge=1, le=8760, description="Hours after which whoever is signed in has to sign in again, come what may"
    )
    session_idle_hours: int = Field(
        24, ge=1, le=8760, description="Hours after which somebody who does nothing has to sign in again"
    )
    oidc_issuer: str = Field(
        "", description="OpenID provider that members sign in with too, as `https://accounts.google.com`; empty: none"
    )
    oidc_client_id: str = Field("", max_length=500, description="Id of the client that was made for Ask0 there")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret")
    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="`smtp(s)://user:password@host:port` of a server that mails invitations; empty: no mail",
    )
    mail_from: str = Field("", max_length=320, description="Sender of mail, as `Ask0 <ask0@example.com>`")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is written to stderr")
    bootstrap_project: str = Field("", description="Project to create at start if it is absent: a name, or `proj_…`")
    bootstrap_write_key: str = Field("", description="Write key of the project created at start")
    bootstrap_secret_key: SecretStr = Field(SecretStr(""), description="Secret key of the project created at start")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingsError naming the variable."""
        values = {name[len(PREFIX) :].lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError(
                "; ".join(_explain(problem["loc"], problem["msg"], problem["type"]) for problem in error.errors())
            ) from None

    @field_validator("log")
    @classmethod
    def _log_is_known(cls, value: str) -> str:
        url = urlsplit(value)
        sqlite = url.scheme == "sqlite" and not url.netloc and len(url.path) > 1
        kafka = url.scheme == "kafka" and bool(url.netloc) and len(url.path) > 1
        if value and not (sqlite or kafka):
            raise ValueError("takes sqlite:///path or kafka://host:port,host:port/topic")
        return value

    @field_validator("clickhouse")
    @classmethod
    def _clickhouse_is_known(cls, value: str) -> str:
        url = urlsplit(value)
        chdb = url.scheme == "chdb" and not url.netloc and len(url.path) > 1
        http = url.scheme in ("http", "https") and bool(url.hostname)
        if value and not (chdb or http):
            raise ValueError("takes chdb:///path or http(s)://user:password@host:8123/ask0")
        return value

    @field_validator("cookie_domain")
    @classmethod
    def _cookie_domain_is_a_host(cls, value: str) -> str:
        domain = value.lower().removeprefix(".")
        if value and not HOST_NAME.fullmatch(domain):
            raise ValueError("takes a host name such as example.com, without scheme or port")
        return domain

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_an_address(cls, value: str) -> str:
        if value and not is_safe_address(value):
            raise ValueError("takes the https:// address of an OpenID provider, without ? or #")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_is_known(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            smtp_server(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender_is_an_address(cls, value: str) -> str:
        if value and not SENDER.fullmatch(value):
            raise ValueError("takes ask0@example.com or Ask0 <ask0@example.com>")
        return value

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        said = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret.get_secret_value())
        if any(said) and not all(said):
            raise ValueError("ASK0_OIDC_ISSUER, ASK0_OIDC_CLIENT_ID and ASK0_OIDC_CLIENT_SECRET are set together")
        if any(said) and self.log.startswith("kafka:") and not self.sealing_key.get_secret_value():
            raise ValueError("ASK0_OIDC_ISSUER needs ASK0_SEALING_KEY, the same for every gateway")
        return self

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        """Of the address in a mail its reader must be sure, so no request's Host says it."""
        if self.smtp_url.get_secret_value() and not (self.mail_from and self.public_url):
            raise ValueError("ASK0_SMTP_URL needs ASK0_MAIL_FROM and ASK0_PUBLIC_URL, which links in mails begin with")
        return self

    @model_validator(mode="after")
    def _bootstrap_is_whole(self) -> Self:
        if (self.bootstrap_write_key or self.bootstrap_secret_key.get_secret_value()) and not self.bootstrap_project:
            raise ValueError("ASK0_BOOTSTRAP_PROJECT is missing: the bootstrap keys need a project")
        return self

    @property
    def log_dsn(self) -> str:
        return self.log or f"sqlite://{self.data_dir.absolute() / 'log.sqlite3'}"

    @property
    def clickhouse_dsn(self) -> str:
        return self.clickhouse or f"chdb://{self.data_dir.absolute() / 'clickhouse'}"


class SmtpServer(NamedTuple):
    host: str
    port: int
    user: str
    password: str
    is_tls: bool  # from the first byte


def smtp_server(url: str) -> SmtpServer:
    """Raises ValueError, with no word of what is in it."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    is_tls = parts.scheme == "smtps"
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/") or parts.query or port == 0:
        raise ValueError("takes smtp://user:password@host:587 or smtps://user:password@host:465, percent-encoded")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("has a user and a password, or neither")
    port = port or (465 if is_tls else 587 if parts.username else 25)
    return SmtpServer(parts.hostname, port, unquote(parts.username or ""), unquote(parts.password or ""), is_tls)


def is_safe_address(url: str) -> bool:
    """https, or of this machine."""
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_safe and bool(parts.hostname) and not parts.query and not parts.fragment and parts.username is None


def _explain(location: tuple[str | int, ...], message: str, kind: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = f"{PREFIX}{location[0]}".upper()
    if kind == "extra_forbidden":
        return f"{name} is not a setting; `ask0 doctor` lists them all"
    return f"{name}: {message.removeprefix('Value error, ')}"
