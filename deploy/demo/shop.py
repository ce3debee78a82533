"""The shop's processes: two services run by `weftline-agent`, an edge Envoy and a sidecar Envoy each."""

import sys
from collections.abc import Sequence
from pathlib import Path

from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Collector
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import free_port, listens
from weftline.deploy.local.process import Process

from . import mesh


def shop(folder: Path, *, http_port: int, grpc_port: int) -> tuple[mesh.Ports, Sequence[Process]]:
    """The ports chosen and the processes, not started yet, in the order to start them.

    ``http_port`` and ``grpc_port`` are the collector's. The edge proxy sends over gRPC and the others over HTTP: both
    ways in are used. Logs and configuration go to ``folder``.
    """
    ports = mesh.Ports.choose(free_port)
    over_http = Collector(Address(mesh.HOST, http_port))
    over_grpc = Collector(Address(mesh.HOST, grpc_port), protocol="grpc")
    endpoint = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{mesh.HOST}:{http_port}",
        "WEFTLINE_AGENT_STATUS_FOLDER": str(folder / "agent"),  # goes when the demo's folder goes
    }
    # Uvicorn would report again, outside the request, what the application has logged.
    payment_server = ["uvicorn", "weftline.deploy.demo.payment:app", "--log-level", "critical"]
    cart_server = ["flask", "--app", "weftline.deploy.demo.cart", "run"]
    ledger = {"LEDGER_URL": f"http://{mesh.HOST}:{ports.payment_outbound}"}
    payment = {"PAYMENT_URL": f"http://{mesh.HOST}:{ports.cart_outbound}"}
    return ports, (
        _service("payment", payment_server, ports.payment, folder, endpoint | ledger),
        _service("cart", cart_server, ports.cart, folder, endpoint | payment),
        Envoy("payment sidecar", folder, bootstrap(mesh.payment_sidecar(ports, over_http))),
        Envoy("cart sidecar", folder, bootstrap(mesh.cart_sidecar(ports, over_http))),
        Envoy("edge proxy", folder, bootstrap(mesh.edge(ports, over_grpc))),
    )


def _service(name: str, server: Sequence[str], port: int, folder: Path, env: dict[str, str]) -> Process:
    """A Python service under the agent, started as an operator would."""
    return Process(
        name,
        [sys.executable, "-m", "weftline.agent", "run", sys.executable, "-m", *server, "--port", str(port)],
        log=folder / f"{name}.log",
        ready=lambda: listens(port),
        env={"OTEL_SERVICE_NAME": name, **env},
    )
