"""What each role does to the headers that name a transaction, case by case, in one real Envoy with a listener for each.

Whatever a caller sends: the response names the transaction, the log has the same ID, and what goes upstream agrees.
"""

import http.client
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from support.http_answer import answered
from support.otlp_grpc_sink import Log, Sink, otlp_grpc_sink
from support.upstream import Upstream, upstream
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port

pytestmark = pytest.mark.envoy

UNTRUSTED = "untrusted edge"
PLACES = [*Role, UNTRUSTED]
Headers = Sequence[tuple[str, str]]

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"
TRACEPARENTS: Mapping[str, Sequence[str]] = {
    "absent": [],
    "sampled": [VALID],
    "not sampled": [VALID[:-2] + "00"],
    "flags 03": [VALID[:-2] + "03"],
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
}
GOOD = {"sampled": "01", "not sampled": "00", "flags 03": "01"}
"""The ones that are followed, and the flags that go upstream."""


@dataclass(frozen=True, slots=True)
class Outcome:
    response: Mapping[str, str]
    upstream: Mapping[str, str]
    log: Log
    attempt: Log


@dataclass(frozen=True, slots=True)
class Proxies:
    """One Envoy; ``ports`` by place."""

    ports: Mapping[str, int]
    sink: Sink
    behind: Upstream

    def send(self, place: str, headers: Headers) -> Outcome:
        return self.send_to([place], headers)[place]

    def send_to(self, places: Sequence[str], headers: Headers) -> Mapping[str, Outcome]:
        """One request to each place; then one wait for what is logged of all."""
        sent = {place: (path := f"/{secrets.token_hex(8)}", *self.ask(place, path, headers)) for place in places}
        paths = {path for path, *_ in sent.values()}

        def by_path(logs: list[Log]) -> dict[str, Log]:
            return {path: log for log in logs if (path := log.attributes["path"]) in paths}

        with self.sink.changed:
            self.sink.changed.wait_for(
                lambda: len(by_path(self.sink.logs)) == len(by_path(self.sink.attempts)) == len(sent), 10
            )
        logs, attempts = by_path(self.sink.logs), by_path(self.sink.attempts)
        return {
            place: Outcome(response, request, logs[path], attempts[path])
            for place, (path, response, request) in sent.items()
        }

    def ask(self, place: str, path: str, headers: Headers) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The headers of the response and those that went upstream. ``path`` finds the log whatever they say."""
        seen = len(self.behind.requests)
        connection = http.client.HTTPConnection(HOST, self.ports[place], timeout=10)
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        _, answer = answered(connection)
        [request] = self.behind.requests[seen:]
        return answer, request


def proxies(folder: pytest.TempPathFactory, sampling: float) -> Iterator[Proxies]:
    with ExitStack() as stack:
        sink, behind = stack.enter_context(otlp_grpc_sink()), stack.enter_context(upstream())
        ports = {str(place): free_port() for place in PLACES}
        listeners = tuple(
            Listener(
                Role.EDGE if place == UNTRUSTED else Role(place),
                Address(HOST, ports[place]),
                (Route("all", "/", "app"),),
                trusted=place != UNTRUSTED,
            )
            for place in PLACES
        )
        proxy = Proxy(
            service="s",
            node_id="n",
            admin=Address(HOST, free_port()),
            collector=Collector(Address(HOST, sink.port), protocol="grpc"),
            listeners=listeners,
            clusters=(Cluster("app", (Address(HOST, behind.port),)),),
            sampling_percentage=sampling,
        )
        stack.enter_context(Envoy(f"sampling-{sampling:g}", folder.mktemp("envoy"), bootstrap(proxy)))
        yield Proxies(ports, sink, behind)


@pytest.fixture(scope="module")
def all_sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    yield from proxies(tmp_path_factory, 100)


@pytest.fixture(scope="module")
def none_sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    yield from proxies(tmp_path_factory, 0)


@pytest.fixture(params=[100, 0], ids=["all sampled", "none sampled"])
def chosen(request: pytest.FixtureRequest) -> tuple[Proxies, str]:
    """Proxies, and the flags of a trace that begins there."""
    name, flags = {100: ("all_sampled", "01"), 0: ("none_sampled", "00")}[request.param]
    return request.getfixturevalue(name), flags


def check(outcome: Outcome, *, transaction: str | None = None) -> tuple[str, str]:
    """Everything agrees; returns the trace id and the flags that went upstream."""
    sent = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-3])", outcome.upstream["traceparent"])
    assert sent, outcome.upstream["traceparent"]
    trace_id, _, flags = sent.groups()
    assert int(trace_id, 16) != 0
    expected = transaction or trace_id
    assert outcome.response["x-transaction-id"] == outcome.upstream["x-transaction-id"] == expected
    for log in (outcome.log, outcome.attempt):
        assert log.attributes["transaction_id"] == expected
        assert log.attributes["request_id"] == outcome.upstream["x-request-id"]
        assert log.attributes["upstream_traceparent"] == outcome.upstream["traceparent"]
    assert outcome.log.trace_id == trace_id, "sampled or not"
    assert not [name for name in outcome.upstream if name.startswith("x-weftline")], "the sanitizer's own"
    return trace_id, flags


@pytest.mark.parametrize("case", TRACEPARENTS)
def test_traceparent(chosen: tuple[Proxies, str], case: str) -> None:
    envoy, flags_of_new = chosen
    sent = TRACEPARENTS[case]
    outcomes = envoy.send_to(PLACES, [*(("traceparent", it) for it in sent), ("tracestate", "vendor=1")])
    for place, outcome in outcomes.items():
        trace_id, flags = check(outcome)
        followed = case in GOOD and place != UNTRUSTED
        assert (trace_id == TRACE) is followed, place
        assert flags == (GOOD[case] if followed else flags_of_new), place
        assert outcome.upstream.get("tracestate", "") == ("vendor=1" if followed else ""), place
        assert outcome.log.attributes["parent_traceparent"] == (sent[0] if followed else "-"), place


@pytest.mark.parametrize("case", ["sampled", "not sampled", "absent", "a word", "two that differ"])
def test_a_tracestate_in_two_lines_goes_on_as_one_or_not_at_all(chosen: tuple[Proxies, str], case: str) -> None:
    """W3C Trace Context, 3.3.1.1: lines are joined in their order."""
    envoy, _ = chosen
    tracing = [("traceparent", it) for it in TRACEPARENTS[case]]
    outcomes = envoy.send_to(PLACES, [*tracing, ("tracestate", "one=1"), ("tracestate", "two=2,three=3")])
    for place, outcome in outcomes.items():
        trace_id, _ = check(outcome)
        followed = case in GOOD and place != UNTRUSTED
        assert (trace_id == TRACE) is followed, place
        assert outcome.upstream.get("tracestate", "") == ("one=1,two=2,three=3" if followed else ""), place


UUID = "11111111-1111-4111-8111-111111111111"
REQUEST_IDS = {"none": [], "uuid": [("x-request-id", UUID)], "not a uuid": [("x-request-id", "ORDER-42")]}
FORCED: Mapping[str, Headers] = {
    "plain": [],
    "x-client-trace-id": [("x-client-trace-id", "force-it")],
    "x-envoy-force-trace": [("x-envoy-force-trace", "true")],
    "b3": [("x-b3-traceid", "b" * 32), ("x-b3-spanid", "c" * 16), ("x-b3-sampled", "1")],
    "outside address": [("x-forwarded-for", "203.0.113.9")],
}


@pytest.mark.parametrize("request_id", REQUEST_IDS)
@pytest.mark.parametrize("forced", FORCED)
@pytest.mark.parametrize("parent", ["absent", "sampled", "not sampled"])
def test_request_id_and_sampling_do_not_meddle(
    chosen: tuple[Proxies, str], request_id: str, forced: str, parent: str
) -> None:
    """The caller's decision is followed, ours is by ratio where there is none; the x-request-id is never rewritten."""
    envoy, flags_of_new = chosen
    tracing = [("traceparent", it) for it in TRACEPARENTS[parent]]
    outcomes = envoy.send_to(PLACES, [*REQUEST_IDS[request_id], *FORCED[forced], *tracing])
    sent = dict(REQUEST_IDS[request_id]).get("x-request-id")
    for place, outcome in outcomes.items():
        trace_id, flags = check(outcome)
        followed = parent in GOOD and place != UNTRUSTED
        assert (trace_id == TRACE) is followed, place
        assert flags == (GOOD[parent] if followed else flags_of_new), place
        at_the_edge = place in (Role.EDGE, UNTRUSTED)
        passed_on = outcome.upstream["x-request-id"]
        if sent is None or at_the_edge:
            assert re.fullmatch("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", passed_on), place
            assert passed_on != sent, place
        else:
            assert passed_on == sent, place
        assert outcome.response.get("x-request-id") == (passed_on if at_the_edge else None), place


@pytest.mark.parametrize("parent", ["absent", "sampled", "not sampled", "a word"])
def test_a_transaction_id_that_is_there_is_believed_inside_and_replaced_at_the_edge(
    none_sampled: Proxies, parent: str
) -> None:
    """A service may copy x-transaction-id and no traceparent; an outsider could name somebody else's transaction."""
    claimed = "f" * 32
    tracing = [("traceparent", it) for it in TRACEPARENTS[parent]]
    outcomes = none_sampled.send_to(PLACES, [("x-transaction-id", claimed), ("x-request-id", "1"), *tracing])
    for place, outcome in outcomes.items():
        believed = place not in (Role.EDGE, UNTRUSTED)
        trace_id, _ = check(outcome, transaction=claimed if believed else None)
        assert trace_id != claimed, place


@pytest.mark.parametrize("forged", ["", "x" * 5000, "../..", "f" * 31, "F" * 32])
def test_a_forged_transaction_id_gets_past_no_edge(none_sampled: Proxies, forged: str) -> None:
    for outcome in none_sampled.send_to([Role.EDGE, UNTRUSTED], [("x-transaction-id", forged)]).values():
        check(outcome)


def test_half_of_the_traces_are_sampled_where_half_should_be(tmp_path_factory: pytest.TempPathFactory) -> None:
    for envoy in proxies(tmp_path_factory, 50):
        flags = [envoy.ask(Role.EDGE, "/", [])[1]["traceparent"][-2:] for _ in range(200)]
        assert set(flags) == {"01", "00"}
        assert 60 < flags.count("01") < 140
