"""docker-compose.yml cannot be run here, so everything it names is looked up in the project, and what can be run is."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli import COMMANDS
from agent.config_files import Faults
from agent.observe import is_loopback
from agent.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {name for name, service in SERVICES.items() if service["restart"] == "no"}
RASAD = {name for name, service in SERVICES.items() if service["image"].startswith("rasad:")}
VARIABLE = re.compile(r"\$\{([A-Z_]+)([^}]*)\}")
SCRIPTS = PROJECT / "deploy" / "compose"


def example_variables() -> dict[str, str]:
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled_in(environment: dict[str, str]) -> dict[str, str]:
    """The environment as the container gets it, secrets made up."""
    return {key: VARIABLE.sub("made-up-secret-0123456789-0123456789", value) for key, value in environment.items()}


def binds(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(source, target, mode) of every volume of a service; mode is "" where it may write."""
    return [(*entry.split(":"), "")[:3] for entry in service.get("volumes", [])]


# --- what is promised -------------------------------------------------------------------------------------------------


def test_the_stack_is_whole() -> None:
    assert set(SERVICES) == {
        *("kafka", "certificates", "elasticsearch", "users", "kibana", "init", "collector", "worker", "deliverer"),
        *("web", "prometheus", "alertmanager", "grafana"),
    }
    assert ONCE == {"certificates", "users", "init"}
    assert {name: SERVICES[name]["deploy"]["replicas"] for name in sorted(RASAD - ONCE)} == {
        "collector": 2,
        "worker": 2,
        "deliverer": 1,
        "web": 1,  # a session lives in one process
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged") and "devices" not in service and "pid" not in service
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    assert service["logging"]["options"]["max-size"]
    if name == "certificates":  # writes into a volume that is root's, so it is root, and has nothing else
        assert (service["user"], service["network_mode"]) == ("0:0", "none")
    else:
        assert int(str(service["user"]).split(":")[0]) > 0
    if name not in {"kafka", "elasticsearch", "kibana", "certificates"}:  # their images write into themselves
        assert service["read_only"] is True


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONCE))
def test_every_lasting_service_has_a_health_check_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"[a-z]+(/[a-z]+)?", image)
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag)


def test_what_is_published_is_published_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"elasticsearch", "kibana", "web", "prometheus", "alertmanager", "grafana"}
    for name, ports in published.items():
        for port in ports:
            assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)
            # the port is the one that its own health check asks
            assert f"localhost:{port.rsplit(':', 1)[1]}" in " ".join(SERVICES[name]["healthcheck"]["test"])
            # a container that is only on internal networks cannot publish
            assert any(not (COMPOSE["networks"][n] or {}).get("internal") for n in SERVICES[name]["networks"])
    assert not any("network_mode" in service for name, service in SERVICES.items() if name != "certificates")


def test_kafka_has_no_log_in_and_so_no_way_in() -> None:
    assert SERVICES["kafka"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert "data" not in {*SERVICES["prometheus"]["networks"], *SERVICES["grafana"]["networks"]}


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_example_names_every_secret_and_gives_none() -> None:
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    used = dict(VARIABLE.findall(text))
    assert set(used) == set(example_variables())
    assert set(example_variables().values()) == {""}
    assert {name for name, rest in used.items() if not rest.startswith(":?")} == set(), "empty has to be refused"
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert ".env" in ignored


def test_no_secret_stands_in_the_file() -> None:
    secret = re.compile(r"PASSWORD|TOKEN|SECRET|(ENCRYPTION|API)_?KEY", re.IGNORECASE)
    found = 0
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if secret.search(key):
                assert VARIABLE.fullmatch(value), f"{name}: {key}"
                found += 1
        words = [
            *service.get("command", []),
            *service.get("entrypoint", []),
            *service.get("healthcheck", {}).get("test", []),
        ]
        assert not any(VARIABLE.search(word) for word in words), f"{name}: a secret on a command line is for all to see"
    assert found >= 12


def test_each_process_gets_only_the_secrets_it_needs() -> None:
    holders: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for value in service.get("environment", {}).values():
            for variable, _ in VARIABLE.findall(value):
                holders.setdefault(variable, set()).add(name)
    assert holders == {
        "ELASTIC_PASSWORD": {"elasticsearch", "users"},
        "KIBANA_SYSTEM_PASSWORD": {"users", "kibana"},
        "RASAD_INDEX_PASSWORD": {"users", "init", "worker", "deliverer", "web"},
        "KIBANA_ENCRYPTION_KEY": {"kibana"},
        "METRICS_TOKEN": {"collector", "worker", "deliverer", "prometheus"},
        "WEB_PASSWORD": {"web"},
        "GRAFANA_ADMIN_PASSWORD": {"grafana"},
    }


# --- names ------------------------------------------------------------------------------------------------------------


def test_every_path_volume_and_network_is_there() -> None:
    volumes_used: set[str] = set()
    for name, service in SERVICES.items():
        for source, _, mode in binds(service):
            if source.startswith("."):
                assert (PROJECT / source).exists(), f"{name}: {source}"
                assert mode == "ro", f"{name}: the project is not written to"
            else:
                volumes_used.add(source)
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    assert volumes_used == set(COMPOSE["volumes"])


def test_what_a_service_waits_for_can_happen() -> None:
    for name, service in SERVICES.items():
        for other, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"
            else:
                assert condition["condition"] == "service_completed_successfully"
                assert other in ONCE, f"{name} waits for {other}, which never ends"


def command_of(name: str) -> list[str]:
    """What `rasad` is called with; the last line of a script, where there is one (`test_compose_scripts.py` runs it)."""
    if "entrypoint" not in SERVICES[name]:
        return list(SERVICES[name]["command"])
    program, *words = SERVICES[name]["command"][0].splitlines()[-1].removeprefix("exec ").split()
    assert program == "rasad"
    return words


@pytest.mark.parametrize("name", sorted(RASAD))
def test_rasad_commands_exist(name: str) -> None:
    command = command_of(name)
    assert command[0] in COMMANDS
    answer = subprocess.run(
        [sys.executable, "-m", "agent", *command, "--help"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert f"Usage: rasad {' '.join(command)}" in answer.stdout


@pytest.mark.parametrize("name", sorted(RASAD))
def test_rasad_understands_the_settings_it_is_given(name: str) -> None:
    environment = filled_in(SERVICES[name]["environment"])
    faults = Faults()
    settings = load_settings(PROJECT / "config", faults, environment)
    assert faults.found == []
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    if "RASAD_METRICS__HOST" in environment:
        assert not is_loopback(settings.metrics.host) and settings.metrics.token
        assert str(settings.metrics.port) in SERVICES[name]["expose"]
    if "RASAD_WEB__HOST" in environment:
        assert not is_loopback(settings.web.host) and settings.web.users_file, "without users it refuses to serve"
        port = f"127.0.0.1:{settings.web.port}"
        assert SERVICES[name]["ports"] == [f"{port}:{settings.web.port}"]
        assert settings.web.public_url == f"http://{port}"
        assert SERVICES["deliverer"]["environment"]["RASAD_ALERTS__WEB_URL"] == settings.web.public_url
    if "RASAD_ELASTICSEARCH__URL" in environment:
        assert settings.store.kind == "elasticsearch"
        assert settings.elasticsearch.url == "https://elasticsearch:9200"
        assert settings.elasticsearch.username == "rasad"
        assert (settings.elasticsearch.ca_file or "").startswith("/certificates/")
    mounted = {target for _, target, _ in binds(SERVICES[name])}
    assert environment["RASAD_CONFIG"] in mounted


def test_addresses_lead_to_services_that_share_a_network() -> None:
    """host:port in an environment or a configuration file, and who says it."""
    links = [
        (name, *link)
        for name, service in SERVICES.items()
        for link in re.findall(r"\b([a-z]+):(\d{4})\b", " ".join(filled_in(service.get("environment", {})).values()))
        if link[0] != "localhost"
    ]
    files = {
        "prometheus": (PROJECT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"),
        "grafana": (PROJECT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"),
        "users": (SCRIPTS / "make-users.sh").read_text(encoding="utf-8"),
    }
    links += [(name, *link) for name, text in files.items() for link in re.findall(r"\b([a-z]+):(\d{4})\b", text)]
    scraped = yaml.safe_load(files["prometheus"])["scrape_configs"][0]["dns_sd_configs"][0]
    links += [("prometheus", name, str(scraped["port"])) for name in scraped["names"]]
    assert len(links) >= 10
    for name, host, port in links:
        if host == "localhost":
            host = name
        assert host in SERVICES, f"{name} speaks to {host}"
        ports = [*SERVICES[host].get("expose", []), *(p.rsplit(":", 1)[1] for p in SERVICES[host].get("ports", []))]
        assert port in ports, f"{name} speaks to {host} at {port}"
        assert host == name or set(SERVICES[name]["networks"]) & set(SERVICES[host]["networks"]), f"{name} to {host}"


def test_versions_agree_with_those_that_the_tests_run_on() -> None:
    pom = (PROJECT / "deploy/dev/pom.xml").read_text(encoding="utf-8")
    kafka = re.search(r"<kafka\.version>(.+)<", pom)
    elasticsearch = re.search(r"<elasticsearch\.version>(.+)<", pom)
    assert kafka and elasticsearch
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    for name, image in (("elasticsearch", "elasticsearch"), ("users", "elasticsearch"), ("kibana", "kibana")):
        assert SERVICES[name]["image"] == f"{image}:{elasticsearch[1]}"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {SERVICES[name]["image"] for name in RASAD} == {f"rasad:{project['version']}"}


def test_the_broker_makes_no_channels_here_and_none_in_the_development_stack() -> None:
    from deploy.dev.settings import kafka_properties

    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert "auto.create.topics.enable=false\n" in kafka_properties(Path("/x"), 1, 2)


# --- the image --------------------------------------------------------------------------------------------------------


def dockerfile() -> tuple[list[str], list[str]]:
    """The instructions of the build stage and of the final one, continuation lines joined."""
    build = SERVICES["worker"]["build"]
    text = (PROJECT / build["context"] / build["dockerfile"]).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2
    return lines[: stages[1]], lines[stages[1] :]


def test_the_image_is_built_from_what_is_there_and_from_locked_libraries() -> None:
    build, final = dockerfile()
    copied = [part for line in build if line.startswith("COPY ") for part in line.split()[1:-1]]
    assert copied
    allowed = [
        line.removeprefix("!")
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    for source in copied:
        assert (PROJECT / source).exists(), source
        assert any(fnmatch.fnmatch(source.removeprefix("./"), pattern) for pattern in allowed), source
    assert any("--require-hashes -r requirements.lock" in line for line in build)
    assert not any(line.startswith("COPY ") and "--from=build" not in line for line in final), "no sources in the image"
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [*pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "config", "README.md", "LICENSE"]
    assert set(packages) <= {source.removeprefix("./") for source in copied}


def test_the_image_runs_as_nobody_in_particular() -> None:
    build, final = dockerfile()
    assert [line for line in final if line.startswith("USER ")] == ["USER 10001:10001"]
    assert {SERVICES[name]["user"] for name in RASAD} == {"10001:10001"}
    assert 'ENTRYPOINT ["rasad"]' in final
    assert "EXPOSE 9464" in final
    bases = {line.split()[1] for line in (*build, *final) if line.startswith("FROM ")}
    assert len(bases) == 1
    version = re.fullmatch(r"python:3\.(\d+)\.\d+-slim-\w+", bases.pop())
    assert version and int(version[1]) in (11, 12, 13)


def test_the_health_check_of_the_image_is_that_of_the_services() -> None:
    _, final = dockerfile()
    line = next(line for line in final if line.startswith("HEALTHCHECK"))
    image = json.loads(line[line.index("[") :])
    for name in sorted(RASAD - ONCE - {"web"}):  # which has no metrics: it is asked for its page
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", *image]
