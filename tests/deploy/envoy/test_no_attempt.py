"""What an Envoy logs when it answers without asking an upstream: the caller's ids, and none of an attempt's."""

import http.client
import secrets
from pathlib import Path

import pytest

from support.otlp_grpc_sink import otlp_grpc_sink
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port


@pytest.mark.envoy
def test_sent_is_what_arrived_unless_an_attempt_was_made(tmp_path: Path) -> None:
    """The number of attempts doesn't tell: it is 1 also where no host was there to be asked (UH)."""
    port = free_port()
    listener = Listener(
        Role.EDGE, Address(HOST, port), (Route("empty", "/empty", "empty"), Route("down", "/down", "down"))
    )
    with otlp_grpc_sink() as sink:
        proxy = Proxy(
            service="edge",
            node_id="edge-1",
            admin=Address(HOST, free_port()),
            collector=Collector(Address(HOST, sink.port), protocol="grpc"),
            listeners=(listener,),
            clusters=(Cluster("empty", ()), Cluster("down", (Address(HOST, free_port()),))),
        )
        arrived = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        with Envoy("edge", tmp_path, bootstrap(proxy)):
            for path in ("/no-route", "/empty", "/down"):
                for headers in ({}, {"traceparent": arrived}):
                    connection = http.client.HTTPConnection(HOST, port)
                    connection.request("GET", path, headers=headers)
                    assert connection.getresponse().status in (404, 503)
                    connection.close()
            sink.settle(lambda sink: len(sink.logs) == 6)
    found = {
        (log.attributes["path"], log.attributes["parent_traceparent"] == arrived): (
            log.attributes["response_flags"],
            log.attributes["upstream_request_attempt_count"],
            log.attributes["upstream_traceparent"] == log.attributes["parent_traceparent"],
        )
        for log in sink.logs
    }
    assert found == {
        ("/no-route", False): ("NR", "0", True),
        ("/no-route", True): ("NR", "0", True),
        ("/empty", False): ("UH", "1", True),
        ("/empty", True): ("UH", "1", True),
        ("/down", False): ("UF", "1", False),
        ("/down", True): ("UF", "1", False),
    }
