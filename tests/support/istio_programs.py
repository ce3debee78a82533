"""Istio's own code without a cluster, built with Go once, into a cache (`istio/`): what its agent fetches images with,
and its control plane as its own tests run it.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.registries import fetched, need
from weftline.deploy.local.ports import free_port, listens
from weftline.deploy.local.process import Process

_SOURCES = Path(__file__).parent / "istio"
_WITHOUT = {"PILOT_ENABLE_METADATA_EXCHANGE": "false", "PILOT_ENABLE_ALPN_FILTER": "false"}
"""Filters that only Istio's own build of Envoy has."""


def asked_for() -> None:
    """Skips unless programs of Istio's world are to be built, which takes minutes and needs Go."""
    if not os.environ.get("WEFTLINE_TEST_ISTIO"):
        pytest.skip("Istio's programs and ORAS take minutes to build; WEFTLINE_TEST_ISTIO=1 does it.")


def agent() -> Path:
    """`agent/main.go`, in a minute; skips unless it is asked for, and where there is no Go."""
    asked_for()
    return _built("agent", 280)


def control_plane() -> Path:
    """`control_plane/main.go`; as `agent`."""
    asked_for()
    return _built("control_plane", 900)


class ControlPlane(Process):
    """Serves ``resources`` over xDS on ``port``; ends at once if Istio's admission would refuse one of them."""

    def __init__(self, folder: Path, mesh_config: Mapping[str, Any], resources: Iterable[Mapping[str, Any]]) -> None:
        self.port = free_port()
        files = folder / "mesh.yaml", folder / "resources.yaml"
        for file, documents in zip(files, ([mesh_config], resources), strict=True):
            file.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
        super().__init__(
            "istio",
            [str(control_plane()), str(self.port), *map(str, files)],
            log=folder / "istio.log",
            ready=lambda: listens(self.port),
            env=_WITHOUT,
            cwd=folder,
        )


def _built(program: str, seconds: int) -> Path:
    need("go")
    sources = [_SOURCES / "go.mod", _SOURCES / program / "main.go"]
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]

    def build(folder: Path) -> list[str]:
        shutil.copytree(_SOURCES, folder / "sources")
        return ["go", "build", "-C", str(folder / "sources"), "-mod=mod", "-o", str(folder / program), f"./{program}"]

    return fetched(f"istio-{program}-{version}", build, seconds) / program
