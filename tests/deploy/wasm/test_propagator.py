"""The proxy-wasm module, built from its source and run by the real Envoy, with and without a tracer before it."""

import hashlib
import http.client
import importlib.util
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.http_answer import answered
from support.otlp_grpc_sink import Sink, otlp_grpc_sink
from support.upstream import Upstream, upstream
from weftline.agent import semconv
from weftline.collector.errors import Misconfigured
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.extension import typed
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.istio.envoy_filter import access_log_labels
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port
from weftline.deploy.wasm import build as building
from weftline.deploy.wasm.build import SHA256, build

if importlib.util.find_spec("ziglang") is None and not os.environ.get("CI"):
    pytest.skip("Building the module needs the package ziglang, which is not installed.", allow_module_level=True)

pytestmark = pytest.mark.envoy

UUID, SAME_ID = "A1B2c3d4-0000-9000-8000-00000000abcd", "a1b2c3d400004000800000000000abcd"
"""An x-request-id, and the id made of it: lower case, the digit that Envoy rewrites masked as 4."""
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
MALFORMED: Mapping[str, Sequence[str]] = {
    "absent": [],
    "empty": [""],
    "a word": ["x"],
    "upper case": [VALID.upper()],
    "version 01": ["01" + VALID[2:]],
    "version ff": ["ff" + VALID[2:]],
    "five fields": [VALID + "-xx"],
    "short": [VALID[:-1]],
    "flags not hex": [VALID[:-2] + "zz"],
    "zero trace id": [VALID.replace(TRACE, "0" * 32)],
    "zero span id": [VALID.replace(SPAN, "0" * 16)],
    "31 digits and a dash": [VALID.replace(TRACE, TRACE[:31] + "-")],
    "30 and 18 digits": [f"00-{TRACE[:30]}-{TRACE[30:]}{SPAN}-01"],
    "two that differ": [VALID, VALID.replace(TRACE, "a" * 32)],
    "very long": ["0" * 50_000],
}


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wasm") / "propagator.wasm"
    build(target)
    return target


def test_the_same_source_gives_the_same_bytes(module: Path, tmp_path: Path) -> None:
    """Wherever it is built: no path, no time."""
    again = tmp_path / "again.wasm"
    build(again)
    assert hashlib.sha256(again.read_bytes()).hexdigest() == hashlib.sha256(module.read_bytes()).hexdigest() == SHA256


def test_a_compiler_that_would_write_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "ZIGLANG", "0.0.1")
    with pytest.raises(Misconfigured, match=r"needs ziglang 0\.0\.1"):
        build(tmp_path / "never.wasm")


@dataclass(frozen=True, slots=True)
class Running:
    port: int
    sink: Sink
    behind: Upstream

    def ask(self, *headers: tuple[str, str], path: str = "/app") -> tuple[int, Mapping[str, str]]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        return answered(connection)

    def sent(self) -> tuple[str, str, str, Mapping[str, str]]:
        """Trace id, span id and flags of what went upstream last, and all its headers."""
        headers = self.behind.requests[-1]
        match = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", headers["traceparent"])
        assert match, headers["traceparent"]
        return (*match.groups(), headers)


def envoy_with(
    module: Path, folder: Path, configuration: str, sink: Sink, behind: Upstream, *, tracer: bool
) -> tuple[int, dict[str, Any]]:
    """Port and bootstrap of an Envoy whose first filter is the module, and nothing of ours is beside it."""
    port = free_port()
    shutil.copy(module, folder / "propagator.wasm")
    proxy = Proxy(
        service="s",
        node_id="n",
        admin=Address(HOST, free_port()),
        collector=Collector(Address(HOST, sink.port), "grpc"),
        listeners=(Listener(Role.SIDECAR_OUTBOUND, Address(HOST, port), (Route("all", "/app", "app"),)),),
        clusters=(Cluster("app", (Address(HOST, behind.port),)),),
    )
    whole = bootstrap(proxy)
    manager = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["early_header_mutation_extensions"]
    if not tracer:
        del manager["tracing"]
    wasm = typed(
        "envoy.filters.http.wasm",
        "extensions.filters.http.wasm.v3.Wasm",
        config={
            "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
            "vm_config": {
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": str(folder / "propagator.wasm")}},
            },
        },
    )
    manager["http_filters"] = [wasm, manager["http_filters"][-1]]
    manager["http_filters"][-1]["typed_config"].pop("upstream_log")
    manager["max_request_headers_kb"] = 96
    return port, whole


@contextmanager
def running(module: Path, folder: Path, configuration: str = "", *, tracer: bool = False) -> Iterator[Running]:
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        port, whole = envoy_with(module, folder, configuration, sink, behind, tracer=tracer)
        stack.enter_context(Envoy("wasm", folder, whole))
        yield Running(port, sink, behind)


@pytest.fixture(scope="module")
def sidecar(module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(module, tmp_path_factory.mktemp("sidecar")) as it:
        yield it


@pytest.fixture(scope="module")
def edge(module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    configuration = json.dumps({"role": "edge", "trusted": False, "sampling": 0}, indent=1)
    with running(module, tmp_path_factory.mktemp("edge"), configuration) as it:
        yield it


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_valid_traceparent_is_passed_on_as_it_is(sidecar: Running, flags: str) -> None:
    _, answer = sidecar.ask(("traceparent", f"00-{TRACE}-{SPAN}-{flags}"), ("tracestate", "vendor=1"))
    trace_id, span_id, went, headers = sidecar.sent()
    assert (trace_id, span_id, went, headers["tracestate"]) == (TRACE, SPAN, flags, "vendor=1")
    assert answer["x-transaction-id"] == headers["x-transaction-id"] == TRACE


@pytest.mark.parametrize("case", MALFORMED)
def test_any_other_is_replaced_by_one_made_of_the_x_request_id(sidecar: Running, case: str) -> None:
    sent = [("traceparent", value) for value in MALFORMED[case]]
    _, answer = sidecar.ask(*sent, ("x-request-id", UUID), ("tracestate", "vendor=1"))
    trace_id, span_id, flags, headers = sidecar.sent()
    assert (trace_id, flags) == (SAME_ID, "01")
    assert int(span_id, 16) != 0
    assert "tracestate" not in headers
    assert answer["x-transaction-id"] == headers["x-transaction-id"] == SAME_ID


def test_ids_made_without_a_uuid_differ_and_are_valid(sidecar: Running) -> None:
    seen = set()
    for request_id in ["ORDER-42", "0" * 36, "00000000-0000-0000-0000-00000000000g"] * 20:
        sidecar.ask(("x-request-id", request_id))
        trace_id, span_id, _, headers = sidecar.sent()
        assert headers["x-transaction-id"] == trace_id
        seen |= {trace_id, span_id}
    assert len(seen) == 120


def test_a_transaction_id_that_is_there_is_believed_by_a_sidecar(sidecar: Running) -> None:
    _, answer = sidecar.ask(("x-transaction-id", "f" * 32), ("traceparent", VALID))
    assert sidecar.sent()[3]["x-transaction-id"] == answer["x-transaction-id"] == "f" * 32


def test_an_untrusted_edge_believes_nothing(edge: Running) -> None:
    _, answer = edge.ask(
        ("x-transaction-id", "f" * 32),
        ("traceparent", VALID),
        ("tracestate", "v=1"),
        ("x-client-trace-id", "force"),
        ("x-request-id", UUID),
    )
    trace_id, _, flags, headers = edge.sent()
    assert (trace_id, flags) == (SAME_ID, "00")
    assert answer["x-transaction-id"] == headers["x-transaction-id"] == SAME_ID
    assert {"tracestate", "x-client-trace-id"} & set(headers) == set()


def test_what_the_proxy_answers_itself_has_the_id_too(sidecar: Running) -> None:
    status, answer = sidecar.ask(("traceparent", VALID), path="/no-route")
    assert (status, answer["x-transaction-id"]) == (404, TRACE)


def test_the_access_log_has_the_id(sidecar: Running) -> None:
    sidecar.ask(("traceparent", VALID.replace(TRACE, "b" * 32)))
    sidecar.sink.settle(lambda sink: any(log.attributes["transaction_id"] == "b" * 32 for log in sink.logs))
    assert any(log.attributes["transaction_id"] == "b" * 32 for log in sidecar.sink.logs)


@pytest.mark.parametrize("role", Role)
def test_the_role_and_the_caller_s_traceparent_are_kept_for_istio_s_access_log(
    module: Path, tmp_path: Path, role: Role
) -> None:
    labels = access_log_labels()
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        port, whole = envoy_with(module, tmp_path, json.dumps({"role": role}), sink, behind, tracer=True)
        manager = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        [logger] = manager["access_log"]
        logger["typed_config"]["attributes"] = {
            "values": [{"key": key, "value": {"string_value": value}} for key, value in labels.items()]
        }
        stack.enter_context(Envoy("wasm", tmp_path, whole))
        it = Running(port, sink, behind)
        it.ask(("traceparent", VALID))
        it.ask(("traceparent", "x"))
        sink.settle(lambda sink: len(sink.logs) == 2)
    assert [log.attributes["parent_traceparent"] for log in sink.logs] == [VALID, ""]
    assert [log.attributes[semconv.PROXY_ROLE] for log in sink.logs] == [role, role]


def test_the_edge_s_module_has_the_last_word(module: Path, tmp_path: Path) -> None:
    """A WasmPlugin for every outbound listener is every gateway's, too."""
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        port, whole = envoy_with(module, tmp_path, '{"role":"sidecar-outbound"}', sink, behind, tracer=False)
        manager = whole["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        second = json.loads(json.dumps(manager["http_filters"][0]))
        second["typed_config"]["config"]["configuration"]["value"] = '{"role":"edge","trusted":false}'
        manager["http_filters"].insert(1, second)
        stack.enter_context(Envoy("wasm", tmp_path, whole))
        it = Running(port, sink, behind)
        for headers in ([("traceparent", VALID), ("x-transaction-id", "f" * 32)], [("traceparent", "x")], []):
            _, answer = it.ask(*headers, ("x-request-id", UUID))
            trace_id, _, _, sent = it.sent()
            assert trace_id == SAME_ID == answer["x-transaction-id"] == sent["x-transaction-id"]


def test_half_of_the_traces_are_sampled_and_everywhere_the_same(module: Path, tmp_path: Path) -> None:
    with running(module, tmp_path, '{"sampling":50.0}') as it:
        flags = []
        for number in range(200):
            request_id = hashlib.md5(str(number).encode()).hexdigest()
            uuid = "-".join(request_id[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
            it.ask(("x-request-id", uuid))
            first = it.sent()[2]
            it.ask(("x-request-id", uuid))
            assert it.sent()[2] == first
            flags.append(first)
    assert 60 < flags.count("01") < 140


def test_beside_a_tracer_both_ids_are_in_the_log(module: Path, tmp_path: Path) -> None:
    """A filter can't ask the tracer: it sends its own traceparent, the module's ID stays beside it, and joins the two."""
    with running(module, tmp_path, tracer=True) as it:
        _, answer = it.ask(("x-request-id", UUID))
        trace_id, _, _, headers = it.sent()
        assert answer["x-transaction-id"] == headers["x-transaction-id"] == SAME_ID != trace_id
        it.ask(("traceparent", VALID))
        assert it.sent()[0] == it.sent()[3]["x-transaction-id"] == TRACE
        it.sink.settle(lambda sink: len(sink.logs) == 2)
        [made, followed] = it.sink.logs
    assert (made.attributes["transaction_id"], made.trace_id) == (SAME_ID, trace_id)
    assert (followed.attributes["transaction_id"], followed.trace_id) == (TRACE, TRACE)


@pytest.mark.parametrize(
    ("configuration", "says"),
    [
        ('{"role": "door"}', 'role is "edge", "gateway", "sidecar-inbound" or "sidecar-outbound"'),
        ('{"trusted": "no"}', "trusted is true or false"),
        ('{"sampling": 101}', "sampling is a percentage"),
        ('{"sampling": "half"}', "sampling is a percentage"),
    ],
)
def test_a_wrong_configuration_is_refused_with_a_sentence(
    module: Path, tmp_path: Path, configuration: str, says: str
) -> None:
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        _, whole = envoy_with(module, tmp_path, configuration, sink, behind, tracer=False)
        proxy = Envoy("wasm", tmp_path, whole)
        proxy.start()
        with pytest.raises(Exception, match=r"."):
            proxy.wait_ready()
        proxy.stop()
        assert says in (tmp_path / "wasm.log").read_text()


@pytest.mark.parametrize("percent", ["0", "0.5", "5", "12.25", "99.9999", "100", "100.0"])
def test_a_percentage_may_have_a_fraction(module: Path, tmp_path: Path, percent: str) -> None:
    with running(module, tmp_path, f'{{"sampling": {percent}}}') as it:
        assert it.ask()[0] == 200
