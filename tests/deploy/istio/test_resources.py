"""The files of deploy/istio: what the command prints, valid, and complete. `test_envoy.py` has Envoy run them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from weftline.agent import semconv
from weftline.deploy.istio.command import DEFAULTS, istio
from weftline.deploy.istio.resources import files

FOLDER = Path(__file__).parents[3] / "deploy" / "istio"
NAMES = list(files(DEFAULTS))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(istio, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def documents(name: str, *options: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(run(name, *options)))


@pytest.mark.parametrize("name", NAMES)
def test_the_ready_file_is_what_the_command_prints(name: str) -> None:
    assert (FOLDER / f"{name}.yaml").read_text(encoding="utf-8") == run(name), f"run: weftline istio {name}"


def test_there_is_no_file_that_no_command_prints() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mesh-config"])
def test_every_document_is_a_resource(name: str) -> None:
    for document in documents(name):
        assert {"apiVersion", "kind", "metadata", "spec"} == set(document)
        assert {"name", "namespace"} == set(document["metadata"])
        spec = document["spec"]
        # Istio refuses a policy with both; waypoints heed targetRefs only.
        assert len({"selector", "workloadSelector", "targetRefs"} & set(spec)) <= 1
        assert ("targetRefs" in spec) == document["metadata"]["name"].endswith("waypoints")


def test_mesh_config_names_the_providers_that_telemetry_asks_for() -> None:
    [mesh] = documents("mesh-config")
    there = {provider["name"]: provider for provider in mesh["meshConfig"]["extensionProviders"]}
    asked = {
        provider["name"]
        for name in ("telemetry", "waypoints")
        for document in documents(name)
        if document["kind"] == "Telemetry"
        for part in ("tracing", "accessLogging")
        for one in document["spec"][part]
        for provider in one["providers"]
    }
    assert asked == set(there)
    labels = there["weftline-logs"]["envoyOtelAls"]["logFormat"]["labels"]
    assert set(labels) == {*semconv.ACCESS_LOG_FIELDS, semconv.PROXY_ROLE}


def test_every_patch_of_a_waypoint_says_so() -> None:
    """The API refuses `context: WAYPOINT` without a waypoint match, and a waypoint match anywhere else."""
    for name in ("gateways", "sidecars", "waypoints"):
        for document in documents(name):
            for patch in document["spec"].get("configPatches", []):
                match = patch["match"]
                assert (match["context"] == "WAYPOINT") == ("waypoint" in match) == (name == "waypoints")


def test_a_wasm_plugin_says_the_role_and_what_the_edge_decides() -> None:
    image = "oci://registry.local/propagator:1"
    plugins = documents("wasm-plugin", "--image", image, "--sampling", "7.5")
    assert {one["spec"]["url"] for one in plugins} == {image}
    settings = {one["metadata"]["name"]: one["spec"]["pluginConfig"] for one in plugins}
    assert settings == {
        "weftline-inbound": {"role": "sidecar-inbound"},
        "weftline-outbound": {"role": "sidecar-outbound"},
        "weftline-gateways": {"role": "gateway"},
        "weftline-edge": {"role": "edge", "trusted": False, "sampling": 7.5},
        "weftline-waypoints": {"role": "gateway"},
    }


def test_options_reach_the_resources() -> None:
    options = (
        "--collector", "otel.obs.svc.cluster.local:14317", "--root-namespace", "mesh", "--edge-namespace", "front",
        "--edge", "app=door", "--gateways", "app=egress", "--sampling", "12.5", "--trusted",
    )  # fmt: skip
    [mesh] = documents("mesh-config", *options)
    traces, logs = mesh["meshConfig"]["extensionProviders"]
    assert traces["opentelemetry"] == {"service": "otel.obs.svc.cluster.local", "port": 14317}
    assert (logs["envoyOtelAls"]["service"], logs["envoyOtelAls"]["port"]) == ("otel.obs.svc.cluster.local", 14317)
    everywhere, edge = documents("telemetry", *options)
    assert (everywhere["metadata"]["namespace"], edge["metadata"]["namespace"]) == ("mesh", "front")
    assert edge["spec"]["selector"] == {"matchLabels": {"app": "door"}}
    assert [it["spec"]["tracing"][0]["randomSamplingPercentage"] for it in (everywhere, edge)] == [100.0, 12.5]
    one, other = documents("gateways", *options)
    assert [it["spec"]["workloadSelector"]["labels"] for it in (one, other)] == [{"app": "door"}, {"app": "egress"}]
    assert "outbound|14317||otel.obs.svc.cluster.local" in run("sidecars", *options)
    assert "CEL" in run("gateways", "--trusted")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument"),
        (("everything",), "'everything' is not one of"),
        (("telemetry", "--edge", "app"), "'app' is not key=value"),
        (("telemetry", "--collector", "here"), "'here' is not host:port"),
        (("telemetry", "--sampling", "101"), "101.0 is not in the range"),
    ],
)
def test_wrong_usage_is_said(arguments: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(istio, arguments)
    assert result.exit_code == 2
    assert says in result.output
