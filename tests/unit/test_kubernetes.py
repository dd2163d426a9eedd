"""deploy/k8s cannot be applied here: that it holds together, and says what the code understands, is looked up."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli import COMMANDS
from agent.config_files import Faults
from agent.settings import load_settings
from agent.web.access import load_access

PROJECT = Path(__file__).resolve().parents[2]
K8S = PROJECT / "deploy" / "k8s"
EXAMPLE = K8S / "overlays" / "example"


def documents(folder: Path) -> Iterator[dict[str, Any]]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from documents(path)
        else:
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


BASE = list(documents(K8S / "base"))
ALL = list(documents(EXAMPLE))
PODS = {d["metadata"]["name"]: d["spec"]["template"] for d in BASE if d["kind"] in ("Deployment", "Job")}


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in ALL if one["kind"] == kind]


def container(name: str) -> dict[str, Any]:
    (found,) = PODS[name]["spec"]["containers"]
    return dict(found)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    matches = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        matches = matches and labels.get(one["key"]) in one["values"]
    return matches


def test_every_file_is_a_resource_and_names_are_unique() -> None:
    for folder in (K8S / "base", EXAMPLE):
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
        assert {path.name for path in folder.glob("*.yaml")} == {n for n in listed if n.endswith(".yaml")} | {
            "kustomization.yaml"
        }
    names = [(one["kind"], one["metadata"]["name"]) for one in ALL]
    assert len(names) == len(set(names))
    assert not of_kind("Secret"), "secrets are by reference"


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_confined(name: str) -> None:
    spec, one = PODS[name]["spec"], container(name)
    assert spec["securityContext"]["runAsNonRoot"] is True and spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert set(one["resources"]["requests"]) == {"cpu", "memory"} and "memory" in one["resources"]["limits"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    assert {mount["name"] for mount in one["volumeMounts"]} == volumes


@pytest.mark.parametrize("name", PODS)
def test_every_process_is_a_command_with_settings_that_there_are(name: str, tmp_path: Path) -> None:
    one = container(name)
    assert one["args"][0] in COMMANDS
    (shared,) = of_kind("ConfigMap")
    environment = dict(shared["data"]) | {entry["name"]: entry["value"] for entry in one.get("env", [])}
    assert [source["configMapRef"]["name"] for source in one["envFrom"] if "configMapRef" in source] == ["rasad"]
    mounts = {mount["mountPath"]: mount["name"] for mount in one["volumeMounts"]}
    for key, value in environment.items():
        if value.startswith("/run/secrets/"):
            assert str(Path(value).parent) in mounts, key
            (tmp_path / Path(value).name).write_text("made-up", encoding="utf-8")
            environment[key] = str(tmp_path / Path(value).name)
    (tmp_path / "users.yaml").write_text("users: [{name: a, password: '$argon2id$x'}]\n", encoding="utf-8")
    faults = Faults()
    settings = load_settings(PROJECT / "config", faults, environment)
    assert not faults.found
    assert settings.metrics.token == "made-up" == settings.elasticsearch.password
    if name == "rasad-web":
        assert load_access(settings.web, faults).needs_login and not faults.found
        assert settings.web.port == one["ports"][0]["containerPort"]
    elif "ports" in one:
        assert settings.metrics.port == one["ports"][0]["containerPort"]
    assert settings.kafka.partitions == of_kind("HorizontalPodAutoscaler")[0]["spec"]["maxReplicas"]


@pytest.mark.parametrize("deployment", of_kind("Deployment"), ids=lambda one: one["metadata"]["name"])
def test_deployments_select_their_pods_and_are_probed(deployment: dict[str, Any]) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert selects(deployment["spec"]["selector"], labels)
    one = container(deployment["metadata"]["name"])
    ports = {port["name"] for port in one["ports"]}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert one[kind]["httpGet"]["port"] in ports
        assert one[kind]["httpGet"]["path"] in ("/healthz", "/readyz")


def test_budgets_services_and_scaling_point_at_what_there_is() -> None:
    pods = [pod["metadata"]["labels"] for pod in PODS.values()]
    for budget in of_kind("PodDisruptionBudget"):
        assert sum(selects(budget["spec"]["selector"], labels) for labels in pods) == 1
    (service,) = of_kind("Service")
    assert sum(selects({"matchLabels": service["spec"]["selector"]}, labels) for labels in pods) == 1
    assert service["spec"]["ports"][0]["targetPort"] in {port["name"] for port in container("rasad-web")["ports"]}
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] in PODS
    worker = next(one for one in of_kind("Deployment") if one["metadata"]["name"] == "rasad-worker")
    assert "replicas" not in worker["spec"], "an apply would undo the scaling"
    from streams.metrics import Metrics

    metric = scaler["spec"]["metrics"][0]["external"]["metric"]["name"]
    assert metric in {family.name for family in Metrics().registry.collect()}
    (ingress,) = of_kind("Ingress")
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert (backend["name"], backend["port"]["name"]) == (
        service["metadata"]["name"],
        service["spec"]["ports"][0]["name"],
    )


def test_every_pod_is_denied_by_default_and_allowed_what_it_needs() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    for name, pod in PODS.items():
        labels = pod["metadata"]["labels"]
        applied = {n for n, spec in policies.items() if selects(spec["podSelector"], labels)}
        assert "rasad-default-deny" in applied and "rasad-services" in applied
        assert ("rasad-outside" in applied) == (name in ("rasad-collector", "rasad-deliverer"))
        for port in container(name).get("ports", []):
            allowed = [
                entry["port"] for n in applied for rule in policies[n].get("ingress", []) for entry in rule["ports"]
            ]
            assert allowed == [port["containerPort"]], name
    assert set(policies["rasad-default-deny"]["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in policies["rasad-default-deny"]


def test_the_image_has_the_version_of_the_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for folder in (K8S / "base", EXAMPLE):
        (image,) = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
        assert (image["name"], image["newTag"]) == ("rasad", project["version"])
    assert {container(name)["image"] for name in PODS} == {"rasad"}


def test_patches_of_the_example_have_a_target() -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in BASE}
    patches = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text(encoding="utf-8"))["patches"]
    for patch in patches:
        target = (patch["target"]["kind"], patch["target"]["name"])
        assert target in there
        (document,) = (one for one in BASE if (one["kind"], one["metadata"]["name"]) == target)
        for step in yaml.safe_load(patch["patch"]):
            at: Any = document
            for part in step["path"].strip("/").split("/")[:-1]:
                at = at[int(part)] if isinstance(at, list) else at[part]
            last = step["path"].rsplit("/", 1)[1]
            assert last == "-" if isinstance(at, list) else step["op"] == "add" or last in at
