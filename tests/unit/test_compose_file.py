"""compose.yaml, Dockerfile and systemd units say what they should, as far as reading them can tell."""

from __future__ import annotations

import configparser
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.settings import PREFIX, Settings, load
from tests.support import compose

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {
    "XUEJING_CLICKHOUSE_PASSWORD": "pw-" + "x" * 20,
    "KAFKA_CLUSTER_ID": "eHVlamluZy10ZXN0LWtmaw",
    "XUEJING_MEMBER_KEY": "0123456789abcdef" * 4,
}
OURS = ("migrate", "worker", "xuejing", "api", "collector", "dashboard", "scheduler")
REACHED = {"api": "api_port", "collector": "collector_port", "dashboard": "dashboard_port"}
"""Ours that answer on the host's loopback, and the setting with their port."""
REACHING = ("scheduler",)
"""Ours that send something out."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = compose.load(REQUIRED)["services"]
    return found


@pytest.mark.parametrize("name", REQUIRED)
def test_nothing_starts_without_what_must_be_chosen(name: str) -> None:
    with pytest.raises(compose.MissingVariable, match=name):
        compose.load({k: v for k, v in REQUIRED.items() if k != name})


def test_no_password_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    secret = re.findall(r"^\s+\w*(?:PASSWORD|SECRET|TOKEN)\w*: *(\S.*)$", text, re.MULTILINE)
    assert secret
    assert all(re.fullmatch(r"\$\{\w+:\?.+\}", value) for value in secret), secret
    example = (ROOT / "deploy/compose.env.example").read_text("utf-8")
    assert all(f"{name}=\n" in example for name in REQUIRED)


def test_images_are_pinned(services: dict[str, Any]) -> None:
    for name in ("kafka", "clickhouse"):
        tag = services[name]["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+(\.\d+)+", tag), services[name]["image"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_little(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["user"].split(":")[0] not in ("0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["networks"] == (["inside", "outside"] if name in (*REACHED, *REACHING) else ["inside"])
    assert ("ports" in service) == (name in REACHED)


def test_the_inner_network_has_no_way_out_and_ports_are_on_loopback(services: dict[str, Any]) -> None:
    assert compose.load(REQUIRED)["networks"]["inside"]["internal"] is True
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_every_service_is_bounded_and_what_keeps_running_is_checked(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["logging"]["options"]["max-size"], name
        if service.get("restart") == "unless-stopped":
            assert service["healthcheck"]["test"], name


def test_data_is_on_volumes(services: dict[str, Any]) -> None:
    volumes = compose.load(REQUIRED)["volumes"]
    for name, folder in (
        ("kafka", services["kafka"]["environment"]["KAFKA_LOG_DIRS"]),
        ("clickhouse", "/var/lib/clickhouse"),
    ):
        (volume,) = [v.split(":")[0] for v in services[name]["volumes"] if v.split(":")[1] == folder]
        assert volume in volumes


def test_workers_wait_for_what_they_need_and_can_be_many(services: dict[str, Any]) -> None:
    assert services["worker"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "clickhouse": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert "container_name" not in services["worker"]
    assert compose.load({**REQUIRED, "XUEJING_WORKERS": "7"})["services"]["worker"]["deploy"]["replicas"] == "7"


@pytest.mark.parametrize("name", OURS)
def test_our_environment_is_valid_settings(services: dict[str, Any], name: str, tmp_path: Path) -> None:
    environment = {k: str(v) for k, v in services[name]["environment"].items()}
    settings, origin = load(environment, tmp_path)
    assert {k.removeprefix(PREFIX).lower() for k in environment} == set(origin), "a variable that no setting reads"
    assert not settings.embedded_store
    assert settings.kafka_bootstrap


def test_the_api_answers_on_the_hosts_loopback_for_a_proxy_alone(services: dict[str, Any], tmp_path: Path) -> None:
    from commands.api import check_exposure

    service = services["api"]
    settings, _ = load({k: str(v) for k, v in service["environment"].items()}, tmp_path)
    check_exposure(settings)
    assert settings.api_proxies == "172.16.0.0/12"


@pytest.mark.parametrize("name", REACHED)
def test_what_is_reached_answers_on_the_hosts_loopback_at_the_port_that_is_checked(
    services: dict[str, Any], name: str, tmp_path: Path
) -> None:
    service = services[name]
    settings, _ = load({k: str(v) for k, v in service["environment"].items()}, tmp_path)
    port = getattr(settings, REACHED[name])
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"127.0.0.1:{port}/" in service["healthcheck"]["test"][-1]


def test_plain_up_starts_the_pipeline_and_one_profile_everything(services: dict[str, Any]) -> None:
    plain = {name for name, service in services.items() if not service.get("profiles")}
    assert plain == {"kafka", "clickhouse", "migrate", "worker"}
    everything = {name for name, service in services.items() if "all" in service.get("profiles", ())}
    assert everything == {"collector", "dashboard", "api", "scheduler"}
    for name in everything:
        assert services[name]["profiles"] == [name, "all"], "each can be had alone"


@pytest.mark.parametrize("name", [n for n in OURS if n != "xuejing"])
def test_what_a_service_runs_is_a_command_line_of_ours(services: dict[str, Any], name: str) -> None:
    compose.parsed(services[name]["command"])


@pytest.mark.parametrize("wrong", [["collector", "--no-such"], ["schedule", "demon"], ["dashboard", "--port", "x"]])
def test_a_command_line_that_is_none_is_found(wrong: list[str]) -> None:
    with pytest.raises(compose.NoCommand):
        compose.parsed(wrong)


def test_who_writes_has_a_place_for_it(services: dict[str, Any]) -> None:
    """The file system is read-only: the folder of data of each is a volume or in memory."""
    for name in ("collector", "dashboard", "scheduler"):
        places = [*services[name]["volumes"], *services[name]["tmpfs"]]
        folders = {v["target"] if isinstance(v, dict) else v.split(":")[0 if v.startswith("/") else 1] for v in places}
        assert folders & {"/var/lib/xuejing", "/var/lib/xuejing/schedule"}, name
    volumes = compose.load(REQUIRED)["volumes"]
    for service in services.values():
        named = [v.split(":")[0] for v in service.get("volumes", ()) if isinstance(v, str)]
        assert set(named) <= set(volumes)


def test_the_image_runs_without_privileges_and_copies_every_part() -> None:
    build, final = compose.instructions()
    (user,) = [rest for word, rest in final if word == "USER"]
    assert user == "10001:10001"
    copied = {name for word, rest in build if word == "COPY" for name in rest.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored or f"!{Path(name).parent}/*{Path(name).suffix}" in ignored, (
            f".dockerignore: {name}"
        )
    installs = [rest for word, rest in build if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in i or "--no-deps" in i for i in installs)


def given(unit: Path) -> list[tuple[str, str]]:
    """Every key and value of a unit; keys may stand more than once."""
    pairs = (line.partition("=") for line in unit.read_text("utf-8").splitlines() if "=" in line and line[0] != "#")
    return [(name, value) for name, _, value in pairs]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.service")), ids=lambda path: path.name)
def test_units_run_commands_that_exist_and_are_confined(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path, "utf-8")
    program, *arguments = unit["Service"]["ExecStart"].split()
    assert program.endswith("/.venv/bin/xuejing")
    compose.parsed(arguments)
    environment = dict(value.split("=", 1) for name, value in given(path) if name == "Environment")
    assert {k.removeprefix(PREFIX).lower() for k in environment} <= {f.name for f in fields(Settings)}
    assert unit["Service"].get("Restart") == ("always" if unit["Service"]["Type"] != "oneshot" else None)
    assert unit["Service"]["User"] == "xuejing"
    for confinement in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices"):
        assert unit["Service"][confinement] == "true"
    page = unit["Unit"]["Documentation"].removeprefix("file:/opt/xuejing/")
    assert (ROOT / page).is_file(), page


def test_the_compose_file_is_plain_yaml() -> None:
    assert yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["name"] == "xuejing"
