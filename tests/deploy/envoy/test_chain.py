"""The shop's real Envoys: every request leaves an unbroken chain of span ids in the access logs, sampled or not.

client → edge → cart's inbound → cart → cart's outbound → payment's inbound → payment → payment's outbound → ledger
"""

import http.client
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from support.traced_apps import Visit, traced_apps
from weftline.agent import semconv
from weftline.deploy.demo import mesh
from weftline.deploy.demo.kinds import APP, KINDS, NO_ROUTE, RETRY, SAMPLED_OUT, SUCCESS, AccessLog, Attempt, Kind
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Collector
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import free_port

pytestmark = pytest.mark.envoy

ROLES = ("edge", "sidecar-inbound", "sidecar-outbound")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shop:
    """Running proxies and stand-ins for the services."""

    port: int
    sink: Sink
    visits: list[Visit]

    def send(self, path: str, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", path, headers=dict(headers))
        response = connection.getresponse()
        response.read()
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()})

    def logs_of(self, transaction_id: str, enough: int) -> list[Log]:
        def logs() -> list[Log]:
            return [log for log in self.sink.logs if log.attributes["transaction_id"] == transaction_id]

        self.sink.settle(lambda _: len(logs()) >= enough)
        return logs()

    def attempts_of(self, transaction_id: str, enough: int) -> list[Log]:
        def attempts() -> list[Log]:
            return [log for log in self.sink.attempts if log.attributes["transaction_id"] == transaction_id]

        self.sink.settle(lambda _: len(attempts()) >= enough)
        return attempts()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("envoy")
    ports = mesh.Ports.choose(free_port)
    visits: list[Visit] = []
    with ExitStack() as stack:
        sink = stack.enter_context(otlp_grpc_sink())
        stack.enter_context(
            traced_apps(
                visits,
                cart=ports.cart,
                cart_outbound=ports.cart_outbound,
                payment=ports.payment,
                payment_outbound=ports.payment_outbound,
            )
        )
        collector = Collector(Address(mesh.HOST, sink.port), protocol="grpc")
        for name, proxy in (("edge", mesh.edge), ("cart", mesh.cart_sidecar), ("payment", mesh.payment_sidecar)):
            stack.enter_context(Envoy(name, folder, bootstrap(proxy(ports, collector))))
        yield Shop(ports.edge, sink, visits)


def role(log: Log) -> str:
    return f"{log.resource['service.name']}/{log.resource[semconv.PROXY_ROLE]}"


def in_arrival_order(logs: list[Log]) -> list[Log]:
    """By station, and at payment the attempt that failed before the one that succeeded."""
    stations = [
        "edge/edge",
        "cart/sidecar-inbound",
        "cart/sidecar-outbound",
        "payment/sidecar-inbound",
        "payment/sidecar-outbound",
    ]
    return sorted(logs, key=lambda log: (stations.index(role(log)), log.attributes["response_code"] != "503"))


def span_id(traceparent: str) -> str:
    return "" if traceparent == "-" else traceparent.split("-")[2]


def seen(logs: list[Log]) -> Counter[AccessLog]:
    return Counter(
        AccessLog(
            log.resource["service.name"],
            log.resource[semconv.PROXY_ROLE],
            int(log.attributes["response_code"]),
            log.attributes["response_flags"].replace("-", ""),
            int(log.attributes["upstream_request_attempt_count"]),
        )
        for log in logs
    )


@pytest.mark.parametrize("flags", ["01", "00"], ids=["sampled", "unsampled"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_leaves_its_logs_and_an_unbroken_chain_of_ids(shop: Shop, kind: Kind, flags: str) -> None:
    trace_id, client = secrets.token_hex(16), secrets.token_hex(8)
    answer = shop.send(
        f"{kind.path}?case={kind.case}", {"traceparent": f"00-{trace_id}-{client}-{flags}", "user-agent": "test"}
    )
    assert answer.status == kind.status
    assert answer.headers["x-transaction-id"] == trace_id

    logs = in_arrival_order(shop.logs_of(trace_id, len(kind.access_logs)))
    visits = [visit for visit in shop.visits if visit.trace_id == trace_id]
    assert seen(logs) == Counter(kind.access_logs)
    assert {log.trace_id for log in logs} == {trace_id}
    assert {visit.flags for visit in visits} <= {flags}
    assert len({log.span_id for log in logs}) == len(logs)

    # What each log says its caller was must be what that caller says it sent.
    by_role: dict[str, list[Log]] = {}
    for log in logs:
        by_role.setdefault(role(log), []).append(log)

    def parents(station: str) -> list[str]:
        return [span_id(log.attributes["parent_traceparent"]) for log in by_role.get(station, [])]

    def sent(station: str) -> list[str]:
        return [span_id(log.attributes["upstream_traceparent"]) for log in by_role.get(station, [])]

    def got(service: str) -> list[str]:
        return [visit.parent for visit in visits if visit.service == service]

    assert parents("edge/edge") == [client]
    if kind is NO_ROUTE:
        # No attempt was made: what is logged as sent is still what the client sent.
        assert sent("edge/edge") == [client]
        return
    (cart,) = [visit for visit in visits if visit.service == "cart"]
    assert parents("cart/sidecar-inbound") == sent("edge/edge")
    assert got("cart") == sent("cart/sidecar-inbound")
    assert parents("cart/sidecar-outbound") == [cart.sent]
    assert parents("payment/sidecar-inbound")[-1:] == sent("cart/sidecar-outbound")  # the last attempt's
    assert got("payment") == sent("payment/sidecar-inbound")
    assert parents("payment/sidecar-outbound") == [
        visit.sent for visit in visits if visit.service == "payment" and visit.sent
    ]
    assert len(set(parents("payment/sidecar-inbound"))) == len(by_role["payment/sidecar-inbound"])


@pytest.mark.parametrize("flags", ["01", "00"], ids=["sampled", "unsampled"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_attempt_has_a_log_that_names_what_it_sent(shop: Shop, kind: Kind, flags: str) -> None:
    """Also the ones that failed before the last: what reached the next proxy is some attempt's, exactly."""
    trace_id = secrets.token_hex(16)
    shop.send(f"{kind.path}?case={kind.case}", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"})
    attempts = shop.attempts_of(trace_id, len(kind.attempts))
    logs = shop.logs_of(trace_id, len(kind.access_logs))
    assert Counter(
        Attempt(
            log.resource["service.name"],
            log.resource[semconv.PROXY_ROLE],
            int(log.attributes.get("upstream_request_attempt_count", "0")),
        )
        for log in attempts
    ) == Counter(kind.attempts)
    for log in attempts:
        # Several, where the next hop's proxy got two attempts over one connection.
        requests = [
            other_than_time(other) for other in logs if role(other) == role(log)
            and other.attributes["connection_id"] == log.attributes["connection_id"]
        ]  # fmt: skip
        assert other_than_time(log) in requests
        assert log.attributes["upstream_traceparent"].startswith(f"00-{trace_id}-")

    def sent(station: str) -> set[str]:
        return {span_id(log.attributes["upstream_traceparent"]) for log in attempts if role(log) == station}

    def arrived(station: str) -> set[str]:
        return {span_id(log.attributes["parent_traceparent"]) for log in logs if role(log) == station}

    assert len(set().union(*map(sent, map(role, attempts)))) == len(attempts), "each has an id of its own"
    assert arrived("cart/sidecar-inbound") == sent("edge/edge")
    assert arrived("payment/sidecar-inbound") == sent("cart/sidecar-outbound")
    if flags == "01":

        def recorded() -> set[str]:
            return {span.span_id for span in shop.sink.spans if span.trace_id == trace_id and span.kind == "client"}

        shop.sink.settle(lambda _: len(recorded()) == len(attempts))
        assert set().union(*map(sent, map(role, attempts))) == recorded(), "a recorded attempt has the same id"


def other_than_time(log: Log) -> tuple[str, ...]:
    """What an attempt's log and its request's must agree in."""
    names = ("request_id", "method", "path", "authority", "upstream_cluster", "route_name")
    return tuple(log.attributes[name] for name in names)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.sampled], ids=lambda kind: kind.name)
def test_every_kind_leaves_its_proxies_spans(shop: Shop, kind: Kind) -> None:
    trace_id = secrets.token_hex(16)
    shop.send(f"{kind.path}?case={kind.case}", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"})
    expected = Counter((span.service, span.role, span.kind) for span in kind.spans if span.role != APP)

    def spans() -> Counter[tuple[str, str, str]]:
        return Counter(
            (span.resource["service.name"], span.resource[semconv.PROXY_ROLE], span.kind)
            for span in shop.sink.spans
            if span.trace_id == trace_id
        )

    shop.sink.settle(lambda _: spans() == expected)
    assert spans() == expected


def test_sampled_out_leaves_no_span(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    shop.send(SAMPLED_OUT.path, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-00"})
    shop.logs_of(trace_id, len(SAMPLED_OUT.access_logs))
    assert [span for span in shop.sink.spans if span.trace_id == trace_id] == []


def test_every_field_has_a_sensible_value(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    shop.send(
        "/checkout?case=booked", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "user-agent": "curl/8"}
    )
    logs = {role(log): log for log in shop.logs_of(trace_id, 5)}
    edge, refused = logs["edge/edge"].attributes, logs["payment/sidecar-outbound"].attributes
    assert set(edge) == set(semconv.ACCESS_LOG_FIELDS)
    assert edge["access_log_type"] == "DownstreamEnd"
    assert edge["method"] == "POST"
    assert edge["path"] == "/checkout?case=booked"
    assert edge["authority"] == f"127.0.0.1:{shop.port}"
    assert edge["protocol"] == "HTTP/1.1"
    assert edge["user_agent"] == "curl/8"
    assert edge["route_name"] == "checkout"
    assert edge["upstream_cluster"] == "cart"
    assert edge["upstream_host"] == edge["upstream_hosts_attempted"]
    assert edge["response_code_details"] == "via_upstream"
    assert edge["grpc_status"] == "-"
    assert edge["request_id"] == edge["stream_id"] == logs["payment/sidecar-inbound"].attributes["request_id"]
    # Microseconds: four proxies and two servers take between a hundred of them and ten seconds.
    assert 100 < int(edge["response_duration_us"]) <= int(edge["duration_us"]) < 10_000_000
    assert int(edge["request_duration_us"]) <= int(edge["duration_us"])
    assert refused["response_flags"] == "UF"
    assert "Connection_refused" in refused["response_code_details"]
    assert "Connection_refused" in refused["upstream_transport_failure_reason"]
    assert logs["cart/sidecar-inbound"].resource["node_name"] == "cart-1"
    assert logs["edge/edge"].body == "POST /checkout?case=booked 503"
    assert edge["downstream_local_address"] == f"127.0.0.1:{shop.port}"
    assert int(edge["downstream_wire_bytes_received"]) > 100 < int(edge["upstream_wire_bytes_sent"])
    assert (edge["downstream_tls_version"], edge["upstream_peer_uri_san"], edge["requested_server_name"]) == ("-",) * 3
    assert (edge["upstream_connection_pool_ready_duration_ms"], edge["route_resolution_count"]) == ("0", "1")


def test_an_attempt_has_its_own_timings_and_reason(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    shop.send("/checkout?case=booked", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-00"})
    attempts = {role(log): log for log in shop.attempts_of(trace_id, 5)}
    assert len(attempts) == 5
    edge, refused = attempts["edge/edge"].attributes, attempts["payment/sidecar-outbound"].attributes
    assert set(edge) == set(semconv.ATTEMPT_LOG_FIELDS)
    assert (edge["response_code"], edge["response_flags"]) == ("503", "-")
    waited, first, whole = (
        int(edge[name])
        for name in ("upstream_connection_pool_ready_duration_us", "response_duration_us", "duration_us")
    )
    assert 0 < waited < first <= whole < 10_000_000
    assert abs(whole / 1000 - int(edge["duration_ms"])) < 5
    assert attempts["edge/edge"].body == "POST /checkout?case=booked attempt 503"
    assert (refused["response_code"], refused["response_flags"]) == ("0", "UF")
    assert "Connection_refused" in refused["upstream_transport_failure_reason"]
    assert refused["upstream_host"].startswith("127.0.0.1:")


def test_attempts_are_counted_for_the_service_that_is_asked_again(shop: Shop) -> None:
    answer = shop.send(f"/checkout?case={RETRY.case}", {})
    visits = [visit for visit in shop.visits if visit.trace_id == answer.headers["x-transaction-id"]]
    payment = [visit.headers["x-envoy-attempt-count"] for visit in visits if visit.service == "payment"]
    assert payment == ["1", "2"]


VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("traceparent", ["", VALID.upper()])
def test_a_malformed_traceparent_begins_a_new_transaction(shop: Shop, traceparent: str) -> None:
    """All the way; every case at every role: test_headers.py."""
    answer = shop.send("/checkout", {"traceparent": traceparent, "tracestate": "vendor=1"})
    trace_id = answer.headers["x-transaction-id"]
    assert len(trace_id) == 32
    visits = [visit for visit in shop.visits if visit.trace_id == trace_id]
    assert [visit.headers.get("tracestate", "") for visit in visits] == ["", ""], "it came with a bad traceparent"
    assert trace_id != "4bf92f3577b34da6a3ce929d0e0e4736"
    assert [visit.trace_id for visit in shop.visits[-2:]] == [trace_id, trace_id]
    logs = shop.logs_of(trace_id, len(SUCCESS.access_logs))
    assert seen(logs) == Counter(SUCCESS.access_logs)
    (edge,) = [log for log in logs if role(log) == "edge/edge"]
    assert edge.attributes["parent_traceparent"] == "-"


def test_tracestate_goes_along_with_a_valid_traceparent_only(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    shop.send("/checkout", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "tracestate": "vendor=1"})
    visits = [visit for visit in shop.visits if visit.trace_id == trace_id]
    assert [visit.headers.get("tracestate") for visit in visits] == ["vendor=1", "vendor=1"]
    answer = shop.send("/checkout", {"tracestate": "vendor=1"})
    visits = [visit for visit in shop.visits if visit.trace_id == answer.headers["x-transaction-id"]]
    assert [visit.headers.get("tracestate", "") for visit in visits] == ["", ""]


def test_a_client_can_t_make_up_a_transaction_id(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    answer = shop.send(
        "/checkout",
        {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "x-transaction-id": "f" * 32, "x-request-id": "1"},
    )
    assert answer.headers["x-transaction-id"] == trace_id
    assert {visit.headers["x-transaction-id"] for visit in shop.visits if visit.trace_id == trace_id} == {trace_id}
    request_ids = {visit.headers["x-request-id"] for visit in shop.visits if visit.trace_id == trace_id}
    assert request_ids == {answer.headers["x-request-id"]}
    assert request_ids != {"1"}


def test_a_client_can_t_force_tracing(shop: Shop) -> None:
    trace_id = secrets.token_hex(16)
    shop.send("/checkout", {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-00", "x-client-trace-id": "force-it"})
    assert {visit.flags for visit in shop.visits if visit.trace_id == trace_id} == {"00"}
