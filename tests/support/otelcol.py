"""An OpenTelemetry Collector with the OTLP receiver and the otlp, otlphttp and kafka exporters, built by its own builder.

No registry has it ready, and to build it takes minutes, so tests with it are asked for: WEFTLINE_TEST_OTELCOL=1.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from weftline.deploy.local.cache import cache_folder
from weftline.deploy.local.ports import listens
from weftline.deploy.local.process import Process

VERSION, API = "v0.155.0", "v1.61.0"
CORE, CONTRIB = "go.opentelemetry.io/collector", "github.com/open-telemetry/opentelemetry-collector-contrib"
BUILD_SECONDS = 900
MANIFEST = f"""
dist: {{name: otelcol, version: {VERSION}, output_path: out}}
receivers: [{{gomod: {CORE}/receiver/otlpreceiver {VERSION}}}]
exporters:
  - gomod: {CORE}/exporter/otlpexporter {VERSION}
  - gomod: {CORE}/exporter/otlphttpexporter {VERSION}
  - gomod: {CONTRIB}/exporter/kafkaexporter {VERSION}
providers:
  - gomod: {CORE}/confmap/provider/fileprovider {API}
"""


def otelcol() -> Path:
    """The program, built once into a cache; skips unless it is asked for."""
    if not os.environ.get("WEFTLINE_TEST_OTELCOL"):
        pytest.skip("An OpenTelemetry Collector takes minutes to build; WEFTLINE_TEST_OTELCOL=1 does it.")
    cache = cache_folder()
    program = cache / f"otelcol-{VERSION}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        pytest.skip("There is no `go` on the PATH.")
    with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as work:
        (Path(work) / "build.yaml").write_text(MANIFEST)
        for command in (["go", "install", f"{CORE}/cmd/builder@{VERSION}"], ["./builder", "--config", "build.yaml"]):
            environ = {**os.environ, "GOBIN": work}
            done = subprocess.run(
                command, cwd=work, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-3000:]
        Path(work, "out", "otelcol").rename(program)
    return program


class Collector(Process):
    """Receives OTLP/HTTP on ``port``; ``exporters`` is YAML, all traces and logs go to all of them."""

    def __init__(self, folder: Path, port: int, exporters: str, names: list[str]) -> None:
        config = folder / "otelcol.yaml"
        pipelines = "".join(
            f"    {signal}: {{receivers: [otlp], exporters: [{', '.join(names)}]}}\n" for signal in ("traces", "logs")
        )
        config.write_text(
            f"receivers: {{otlp: {{protocols: {{http: {{endpoint: 127.0.0.1:{port}}}}}}}}}\n"
            f"exporters:\n{exporters}\n"
            f"service:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n{pipelines}"
        )
        super().__init__(
            "otelcol",
            [str(otelcol()), "--config", f"file:{config}"],
            log=folder / "otelcol.log",
            ready=lambda: listens(port),
        )
