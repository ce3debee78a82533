"""Where contenders run: this interpreter's environment, and one of its own for ddtrace, which the benchmark makes."""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_BUILD: Final = ROOT / "build" / "bench"
_REQUIREMENTS: Final = Path(__file__).with_name("ddtrace.txt")
_SAME: Final = ("fastapi", "flask", "gunicorn", "httpx", "requests", "starlette", "uvicorn", "werkzeug")
"""What the applications are made of: both environments have the same versions."""


def ddtrace() -> str:
    """The interpreter of ddtrace's environment; made, or made anew, when what is in it has changed."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in _SAME]
    text = f"{sys.version} {_REQUIREMENTS.read_text()} {wanted}"
    folder = _BUILD / f"ddtrace-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"Making ddtrace's environment in {folder.relative_to(ROOT)}.", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS), *wanted]
        subprocess.run(command, check=True)
        (folder / "complete").touch()
    return str(python)


def variables(port: int, agent_port: int) -> dict[str, str]:
    """The environment of all contenders: byte code is kept (as installed packages have it), nobody sends anything
    besides spans and logs, and nobody may save by dropping."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPYCACHEPREFIX": str(_BUILD / "pycache"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_SERVICE_NAME": "bench",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100000",
        "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{agent_port}",
        "DD_SERVICE": "bench",
        "DD_TRACE_API_VERSION": "v0.4",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_CRASHTRACKING_ENABLED": "false",
    }
