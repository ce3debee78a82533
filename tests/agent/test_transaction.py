"""A transaction's way in and out: parents and aliases of other systems, baggage, events, rules by route."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry import propagate as api

import weftline.agent
from support.otlp_sink import OtlpSink
from weftline.agent import call, propagate, serve
from weftline.agent.context import Transaction
from weftline.agent.propagate import Incoming
from weftline.agent.record import Identity
from weftline.agent.sample import by_route

pytestmark = pytest.mark.socket
TRACE, OTHER, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "a" * 32, "00f067aa0ba902b7"
LONG, SHORT = int(TRACE, 16), int(SPAN, 16)
SW8 = "1-YS40Mi4x-eA==-3-eA==-eA==-eA==-eA=="
Start = Callable[..., None]


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    propagate.configure(("tracecontext", "baggage"))
    serve._by_route = None
    context.attach(context.Context())


def begin(headers: dict[str, str], path: str = "") -> Transaction:
    return serve.begin(propagate.extract(headers.get), "test", lambda _, attributes: "GET", None, path)


@pytest.mark.parametrize(
    ("headers", "incoming"),
    [
        ({"b3": f"{TRACE}-{SPAN}-1"}, Incoming(LONG, SHORT, 1)),
        ({"b3": f"{TRACE}-{SPAN}"}, Incoming(LONG, SHORT, None)),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "0"}, Incoming(LONG, SHORT, 0)),
        ({"b3": f"{TRACE}-{SPAN}-1", "x-b3-traceid": OTHER, "x-b3-spanid": SPAN}, Incoming(LONG, SHORT, 1, aliases=(OTHER,))),
        ({"uber-trace-id": f"{TRACE}:{SPAN}:0:1"}, Incoming(LONG, SHORT, 1)),
        (
            {"traceparent": f"00-{TRACE}-{SPAN}-01", "b3": f"{OTHER}-{SPAN}-0", "sw8": SW8},
            Incoming(LONG, SHORT, 1, aliases=(OTHER, "a.42.1")),
        ),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "b3": f"{TRACE}-{SPAN}-0"}, Incoming(LONG, SHORT, 1)),
        ({"x-transaction-id": TRACE, "sw8": SW8}, Incoming(LONG, aliases=("a.42.1",))),
        ({"b3": "rubbish", "uber-trace-id": "rubbish", "sw8": "rubbish"}, Incoming()),
    ],
)  # fmt: skip
def test_w3c_wins_then_b3_then_jaeger_and_the_rest_are_aliases(headers: dict[str, str], incoming: Incoming) -> None:
    assert propagate.extract(headers.get) == incoming


@pytest.mark.parametrize("flags", [1, 0])
def test_aliases_arrive_also_when_sampled_out(start_agent: Start, sink: OtlpSink, flags: int) -> None:
    start_agent()
    serve.finish(begin({"traceparent": f"00-{TRACE}-{SPAN}-0{flags}", "sw8": SW8}))
    weftline.agent.stop()
    (log,) = sink.logs(event_name="weftline.alias")
    assert (log["trace_id"], log["attributes"]["weftline.alias"]) == (TRACE, "a.42.1")
    assert len(sink.spans()) == flags


@pytest.mark.parametrize("flags", [1, 0])
def test_an_event_is_a_log_record_of_the_transaction(start_agent: Start, sink: OtlpSink, flags: int) -> None:
    start_agent()
    request = begin({"traceparent": f"00-{TRACE}-{SPAN}-0{flags}"})
    weftline.agent.event("order.paid", {"amount": 12, "items": ["a"], "odd": object})
    serve.finish(request)
    weftline.agent.stop()
    weftline.agent.event("nobody hears")
    (log,) = sink.logs()
    assert (log["trace_id"], log["event_name"]) == (TRACE, "order.paid")
    assert (log["attributes"]["amount"], log["attributes"]["items"]) == (12, ["a"])


def test_baggage_comes_in_is_seen_and_goes_out(start_agent: Start) -> None:
    start_agent()
    request = begin({"baggage": "tenant=t%201"})
    assert baggage.get_baggage("tenant") == "t 1"
    headers: dict[str, str] = {}
    called = call.begin("test", "GET", "http://x/", headers)
    assert headers["baggage"] == "tenant=t%201"
    call.answered(called, 200)
    assert headers == {}
    serve.finish(request)
    assert baggage.get_all() == {}


@pytest.mark.parametrize(
    ("propagators", "names"),
    [
        (("tracecontext",), {"traceparent"}),
        (("b3",), {"b3"}),
        (("b3multi", "jaeger"), {"x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "uber-trace-id"}),
    ],
)
def test_what_is_written_is_chosen(propagators: tuple[str, ...], names: set[str]) -> None:
    propagate.configure(propagators)
    assert set(propagate.headers(Identity(LONG, SHORT, 1, ""), None, {})) == {*names, "x-transaction-id"}


def test_none_writes_and_reads_nothing() -> None:
    propagate.configure(("none",))
    assert propagate.headers(Identity(LONG, SHORT, 1, ""), None, {}) == {}
    assert propagate.extract({"traceparent": f"00-{TRACE}-{SPAN}-01"}.get) == Incoming()


def test_the_programs_own_inject_and_extract_carry_ours(start_agent: Start) -> None:
    before = api.get_global_textmap()
    start_agent()
    request = begin({"traceparent": f"00-{TRACE}-{SPAN}-01", "x-request-id": "r-1"})
    carrier: dict[str, str] = {}
    api.inject(carrier)
    assert (carrier["x-transaction-id"], carrier["x-request-id"]) == (TRACE, "r-1")
    serve.finish(request)
    read = api.extract({"b3": f"{TRACE}-{SPAN}-1"})
    assert trace.get_current_span(read).get_span_context().trace_id == LONG
    read = api.extract({"x-transaction-id": TRACE})
    assert trace.get_tracer("shop").start_span("work", read).get_span_context().trace_id == LONG
    read = api.extract({"traceparent": f"00-{TRACE}-{SPAN}-01", "b3": f"{OTHER}-{SPAN}-1"})
    assert trace.get_current_span(read).get_span_context().trace_id == LONG
    weftline.agent.stop()
    assert api.get_global_textmap() is before


RULES = ("/health=0", "/checkout=1", "/api/*/items=0.5", "*.png=0")


@pytest.mark.parametrize(
    ("path", "flags", "expected"),
    [
        ("/health", None, False),
        ("/health/live", 1, False),
        ("/healthy", None, True),
        ("/checkout", 0, True),
        ("/static/a.png", 1, False),
        ("/else", 0, False),
        ("/else", 1, True),
        ("/api/7/items", 1, True),
        ("/api/7/items", 0, False),
        ("/metrics/all", 1, False),
    ],
)
def test_rules_by_route(path: str, flags: int | None, expected: bool) -> None:
    decide = by_route(RULES, ["^/metrics"], lambda _, flags: flags != 0)
    assert decide is not None
    assert decide(path, LONG, flags) is expected


def test_a_share_is_kept_and_no_rules_are_none() -> None:
    decide = by_route(RULES, (), lambda _trace_id, _flags: True)
    assert decide is not None
    assert decide("/api/7/items", (1 << 63) - 1, None)
    assert not decide("/api/7/items", 1 << 63, None)
    assert by_route((), (), lambda _trace_id, _flags: True) is None


@pytest.mark.parametrize("rule", ["/health", "health=0", "/health=2", "/health=x", "=1"])
def test_a_rule_that_makes_no_sense(rule: str) -> None:
    with pytest.raises(ValueError, match=r"share|could not convert"):
        by_route([rule], (), lambda _trace_id, _flags: True)


def test_routes_are_settings(start_agent: Start, sink: OtlpSink) -> None:
    start_agent(WEFTLINE_AGENT_SAMPLE_ROUTES="/health=0", OTEL_PYTHON_EXCLUDED_URLS="metrics$")
    for path in ("/health", "/metrics", "/cart"):
        serve.finish(begin({}, path))
    weftline.agent.stop()
    assert len(sink.spans()) == 1


def test_exporters_that_are_none(start_agent: Start, sink: OtlpSink) -> None:
    start_agent(OTEL_TRACES_EXPORTER="none")
    request = begin({})
    weftline.agent.event("kept")
    headers: dict[str, str] = {}
    call.answered(call.begin("test", "GET", "http://x/", headers), 200)
    serve.finish(request)
    weftline.agent.stop()
    start_agent(OTEL_LOGS_EXPORTER="none")
    request = begin({})
    weftline.agent.event("lost")
    serve.finish(request)
    weftline.agent.stop()
    assert [log["event_name"] for log in sink.logs()] == ["kept"]
    assert len(sink.spans()) == 1
