"""The module as an OCI image: what README says, run against a real registry with ORAS, fetched by Istio's agent."""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from support import istio_programs
from support.oci_registry import oci_registry, oras
from weftline.deploy.wasm.build import SHA256

if importlib.util.find_spec("ziglang") is None and not os.environ.get("CI"):
    pytest.skip("Building the module needs the package ziglang, which is not installed.", allow_module_level=True)

pytestmark = [pytest.mark.socket, pytest.mark.timeout(900)]  # for Go's two builds, the first time

README = Path(__file__).parents[3] / "README.md"
NAME = "registry.example.com/weftline/propagator:0.1.0"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG, MODULE = "application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with oci_registry(tmp_path_factory.mktemp("registry")) as name:
        yield name


@pytest.fixture(scope="module")
def pushed(registry: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What README's block prints, run word by word but for the registry's name."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (block,) = (one for one in blocks if "oras push" in one)
    assert NAME in block
    path = os.pathsep.join([str(oras().parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    return done(
        ["sh", "-euc", block.replace("registry.example.com", registry)],
        cwd=tmp_path_factory.mktemp("work"),
        env={**os.environ, "PATH": path},
    )


def done(command: Sequence[str | Path], **options) -> str:
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=120, check=False, **options,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_is_pushed_is_the_module_and_a_configuration_as_layers(pushed: str, registry: str, tmp_path: Path) -> None:
    question = urllib.request.Request(
        f"http://{registry}/v2/weftline/propagator/manifests/0.1.0", headers={"Accept": MANIFEST}
    )
    with urllib.request.urlopen(question, timeout=10) as answer:
        assert answer.headers["Content-Type"] == MANIFEST
        manifest = json.load(answer)
    assert [layer["mediaType"] for layer in manifest["layers"]] == [CONFIG, MODULE]
    assert manifest["layers"][1]["digest"] == f"sha256:{SHA256}"
    done([oras(), "pull", f"{registry}/weftline/propagator:0.1.0", "-o", tmp_path])
    assert sha256((tmp_path / "plugin.wasm").read_bytes()) == SHA256


def test_istios_agent_fetches_it_from_where_the_wasm_plugins_say(pushed: str, registry: str, tmp_path: Path) -> None:
    documents = yaml.safe_load_all(pushed[pushed.index("apiVersion:") :])
    (url,) = {plugin["spec"]["url"] for plugin in documents}
    assert url == f"oci://{registry}/weftline/propagator:0.1.0"
    file = Path(done([istio_programs.agent(), url, tmp_path]).splitlines()[-1])
    assert sha256(file.read_bytes()) == SHA256


def test_istios_agent_refuses_the_module_alone(registry: str, tmp_path: Path) -> None:
    """Why the configuration, which nobody reads, is pushed as a layer and not as the image's own."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "plugin.wasm").write_bytes(b"\0asm\1\0\0\0")
    image = f"{registry}/weftline/alone:0.1.0"
    done([oras(), "push", image, "--config", f"config.json:{CONFIG}", f"plugin.wasm:{MODULE}"], cwd=tmp_path)
    with pytest.raises(AssertionError, match="number of layers must be 2 but got 1"):
        done([istio_programs.agent(), f"oci://{image}", tmp_path])
