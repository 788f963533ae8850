"""deploy/ names only settings that exist, with values they take, and leaves no secret and no moving image behind."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ask0.schemas.settings import PREFIX, Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("ask0:")]
PINNED = re.compile(r"^[a-z0-9/-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$")


def filled(value: str) -> str:
    """The value as Compose would hand it over, with a secret in it, and nothing of what may be left out."""
    return re.sub(r"\$\{[A-Z_]+:-\}", "", re.sub(r"\$\{[A-Z_]+:\?[^}]*\}", "0123abcd", value))


def names_of_env_example() -> dict[str, str]:
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_shape_is_that_of_production() -> None:
    commands = [SERVICES[name]["command"] for name in OURS]
    assert sorted(command[0] for command in commands) == ["gateway", "gateway", "migrate", "worker", "worker"]
    assert {"kafka", "clickhouse"} <= SERVICES.keys()
    assert SERVICES["kafka"]["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_one_the_code_knows(service: str) -> None:
    environment = {name: filled(value) for name, value in SERVICES[service]["environment"].items()}
    assert all(name.startswith(PREFIX) for name in environment)
    settings = Settings.from_environ(environment)
    assert settings.log_dsn.startswith("kafka://")
    assert settings.clickhouse_dsn.startswith("http://")


def test_the_example_of_secrets_names_settings_and_holds_no_values() -> None:
    names = names_of_env_example()
    assert not any(names.values())
    Settings.from_environ({name: "" for name in names if name.startswith(PREFIX)})
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked <= names.keys()


def test_every_variable_of_the_image_is_a_setting() -> None:
    pairs = re.findall(r"\b(ASK0_[A-Z_]+)=(\S+)", (DEPLOY / "Dockerfile").read_text())
    assert pairs
    Settings.from_environ(dict(pairs))


def test_every_secret_comes_from_outside() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name:
                assert value.startswith("${"), name
            assert not re.search(r"://[^:/]+:(?!\$\{)[^@/]+@", str(value)), name


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_pinned(service: str) -> None:
    assert PINNED.fullmatch(SERVICES[service]["image"])


def test_the_images_of_the_build_are_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert images
    assert all(PINNED.fullmatch(image) for image in images)


def test_what_the_image_copies_is_sent_to_its_build_and_what_is_built_comes_from_its_build() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    copied = [line.split()[1:-1] for line in dockerfile.splitlines() if re.match("COPY (?!--from)", line)]
    sources = {source.split("/")[0] for sources in copied for source in sources}
    assert {f"!{source}" for source in sources} == {rule for rule in ignored if rule.startswith("!")}
    for built in ("gateway/static", "gateway/console/dist"):
        assert re.search(rf"^COPY --from=\w+ /build/{built} {built}$", dockerfile, re.MULTILINE)
        assert built in ignored


def test_kafka_is_the_version_the_tests_run() -> None:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    version = ElementTree.parse(DEPLOY / "kafka" / "pom.xml").findtext("m:properties/m:kafka.version", "", space)
    assert {SERVICES[name]["image"] for name in ("kafka", "topic")} == {f"apache/kafka:{version}"}


@pytest.mark.parametrize("service", SERVICES)
def test_what_keeps_running_is_watched_and_what_runs_once_is_waited_for(service: str) -> None:
    once = {name for name, one in SERVICES.items() if one["restart"] == "on-failure"}
    if service not in once:
        assert SERVICES[service]["restart"] == "unless-stopped"
        assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    for name, condition in SERVICES[service].get("depends_on", {}).items():
        expected = "service_completed_successfully" if name in once else "service_healthy"
        assert condition == {"condition": expected}, name


@pytest.mark.parametrize("service", [name for name in OURS if name != "migrate"])
def test_gateways_and_workers_wait_for_the_migration_and_the_log(service: str) -> None:
    assert {"migrate", "topic", "kafka"} <= SERVICES[service]["depends_on"].keys()


def test_every_volume_is_declared_and_each_process_has_its_own() -> None:
    used = [volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert sorted(used) == sorted(COMPOSE["volumes"])


def test_nothing_listens_beyond_this_machine() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
