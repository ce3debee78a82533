"""The demo's kinds of transactions as its proxies and services send them, without running those: OTLP messages.

`deploy/demo/kinds.py` says which rows each kind leaves; here they get ids, times and the texts that Envoy and the
applications give them. `tests/support/test_demo_traffic.py` holds what is stored of them against the kinds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from support.otlp import access_log, log, logs_request, span, spans_request
from weftline.agent import semconv
from weftline.collector.store.protocol import Signal
from weftline.deploy.demo.kinds import INBOUND, OUTBOUND, AccessLog, Kind, LogLine

MS = 1_000_000
SEVERITIES = {"INFO": 9, "WARNING": 13, "ERROR": 17}
ERROR = {"code": 2}
REFUSED = "delayed_connect_error:_Connection_refused"
DETAILS = {
    "": "via_upstream",
    "NR": "route_not_found",
    "UF": f"upstream_reset_before_response_started{{remote_connection_failure|{REFUSED}}}",
    "UT": "response_timeout",
    "DC": "downstream_remote_disconnect",
}
"""Response code details that Envoy writes beside each flag."""


@dataclass
class Traffic:
    """One transaction, being made. ``messages`` has it, ready for a writer or an edge."""

    kind: Kind
    order: str
    transaction_id: str
    start: int
    """ns since the epoch"""
    pace: float = 1.0
    """How much slower than usual all of it was."""
    spans: list[tuple[str, str, Span]] = field(default_factory=list)
    logs: list[tuple[str, str, LogRecord]] = field(default_factory=list)
    """Service, role ('' for the application) and what it sent."""

    @property
    def request_id(self) -> str:
        return f"{self.transaction_id[:8]}-{self.transaction_id[8:12]}-4{self.transaction_id[13:16]}-8{self.transaction_id[17:20]}-{self.transaction_id[20:]}"

    @property
    def messages(self) -> Sequence[tuple[Signal, bytes]]:
        """In the order in which they are sent."""
        out: list[tuple[Signal, bytes]] = []
        for sent in (self.spans, self.logs):
            for service, role in dict.fromkeys((service, role) for service, role, _ in sent):
                resource = {semconv.PROXY_ROLE: role, "node_name": f"{service}-1"} if role else {}
                own = [it for it_service, it_role, it in sent if (it_service, it_role) == (service, role)]
                request = spans_request if sent is self.spans else logs_request
                signal = Signal.SPANS if sent is self.spans else Signal.LOGS
                out.append((signal, request(*own, service=service, **resource)))  # type: ignore[arg-type]
        return out

    def at(self, ms: float) -> int:
        return self.start + round(ms * MS * self.pace)

    def id(self, number: int) -> str:
        """A span id, the same in every run."""
        return f"{int(self.transaction_id[:8], 16):08x}{number:08x}"


def transaction(kind: Kind, order: int, start: int, *, pace: float = 1.0) -> Traffic:
    """A request of ``kind`` that began at ``start``. Its ids follow from ``order``."""
    seed = random.Random(order)
    made = Traffic(kind, str(order), f"{seed.getrandbits(128) | 1 << 124:032x}", start, pace)
    logs = list(kind.access_logs)
    took = {"UT": 1030.0}.get("".join({it.flags for it in logs} & {"UT"}), 60.0 if "UF" not in logs[-1].flags else 48.0)
    edge, *rest = logs
    sent = _proxy(made, edge, 0x10, "", 0, took if rest else 0.3, "cart")
    if not rest:
        return made
    inbound, outbound, *below = rest
    (sent,) = _proxy(made, inbound, 0x20, sent[0], 1, took - 3, "cart-app")
    server, client = _application(made, "cart", "POST /checkout", 0x30, sent, 2, took - 5, inbound.code)
    lines = [it for it in kind.log_lines if it.service == "cart"]
    _line(made, lines[0], server, sent, 3)
    calls = _proxy(made, outbound, 0x40, client, 5, took - 12, "payment")
    for line in lines[1:]:
        _line(made, line, server, sent, took - 6)
    visits = [it for it in below if it.role == INBOUND]
    ledger = [it for it in below if it.role == OUTBOUND]
    said = _by_visit([it for it in kind.log_lines if it.service == "payment"])
    for number, (visit, call) in enumerate(zip(visits, calls, strict=True)):
        begin = 7 + 24.0 * number
        late = 1300.0 if visit.flags == "DC" else 0.0
        length = (took - 16) / len(visits)
        _payment(made, visit, ledger, said[number], call, 0x50 + 0x20 * number, begin, length, late)
    return made


def _payment(
    made: Traffic, visit: AccessLog, ledger: Sequence[AccessLog], lines: Sequence[LogLine], call: str, ids: int,
    begin: float, length: float, late: float,
) -> None:  # fmt: skip
    """One request to payment; it goes on for ``late`` ms after its caller left."""
    (sent,) = _proxy(made, visit, ids, call, begin, length, "payment-app")
    code = visit.code or 200
    client = made.id(ids + 8) if ledger else ""
    server, _ = _application(
        made, "payment", "POST /charge", ids + 7, sent, begin + 1, late or length - 2, code, client
    )
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        _line(made, line, server, sent, begin + 2 + (late or length - 5) * (number / len(lines) if not last else 0.9))
    for one in ledger:
        _proxy(made, one, ids + 9, client, begin + 5, 8, "ledger")


def _proxy(
    made: Traffic, record: AccessLog, ids: int, parent: str, begin: float, took: float, cluster: str
) -> list[str]:
    """What one Envoy leaves of one request; the span ids that its attempts sent."""
    own = made.id(ids)
    sent = [made.id(ids + 1 + number) for number in range(record.attempts)]
    payment = record.service == "payment" or record.role == OUTBOUND
    path = f"/charge?order={made.order}&case={made.kind.case}" if payment else f"{made.kind.path}?order={made.order}"
    ledger = cluster == "ledger"
    path = f"/entries?order={made.order}" if ledger else path
    failed = {"status": ERROR} if record.code >= 500 or record.code == 0 or record.flags else {}
    common = {
        "transaction_id": made.transaction_id,
        "request_id": made.request_id,
        "method": "POST",
        "path": path,
        "authority": "ledger" if ledger else "payment" if payment else "shop.example",
        "protocol": "HTTP/1.1",
        "upstream_cluster": cluster if sent else "-",
        "route_name": {"edge": "checkout", INBOUND: "app"}.get(record.role, cluster) if sent else "-",
        "connection_id": str(ids),
        "listener_direction": "1" if record.role == INBOUND else "2",
    }
    traceparent = f"00-{made.transaction_id}-{{}}-0{int(made.kind.sampled)}"
    ended = {"duration_ms": str(round(took * made.pace))}
    if record.flags != "DC":
        ended["duration_us"] = str(round(took * made.pace * 1000))
    made.logs.append(
        (
            record.service,
            record.role,
            access_log(
                made.transaction_id, own, time=made.at(begin),
                **common, **ended,
                parent_traceparent=traceparent.format(parent) if parent else "-",
                upstream_traceparent=traceparent.format(sent[-1] if sent else own),
                response_code=str(record.code), response_flags=record.flags or "-",
                response_code_details=DETAILS[record.flags],
                upstream_transport_failure_reason=REFUSED if record.flags == "UF" else "-",
                upstream_host="127.0.0.1:8080" if sent else "-",
                upstream_request_attempt_count=str(record.attempts),
                stream_id=made.id(ids)[::-1] + "-stream", bytes_received="0", bytes_sent="42",
            ),
        )
    )  # fmt: skip
    if made.kind.sampled:
        # A span and a record of the same nanosecond: chance decides which names the transaction.
        times = {"start": made.at(begin) + 1_000, "duration": round(took * made.pace * MS)}
        made.spans.append(
            (record.service, record.role, span(made.transaction_id, own, parent=parent, name="ingress", **times, **failed))
        )  # fmt: skip
    each = (took - 2) / max(1, len(sent))
    for number, attempt in enumerate(sent):
        answered = record.attempts == 1 or number == len(sent) - 1
        code = record.code if answered else 503
        when, lasted = begin + 1 + each * number, each * 0.9
        made.logs.append(
            (
                record.service,
                record.role,
                access_log(
                    "", "", time=made.at(when),
                    **{**common, "access_log_type": "UpstreamEnd"},
                    upstream_traceparent=traceparent.format(attempt),
                    duration_us=str(round(lasted * made.pace * 1000)), response_code=str(0 if record.flags else code),
                    response_flags=record.flags or "-", upstream_host="127.0.0.1:8080",
                    upstream_request_attempt_count=str(number + 1) if record.role != INBOUND else "-",
                ),
            )
        )  # fmt: skip
        if made.kind.sampled:
            made.spans.append(
                (
                    record.service,
                    record.role,
                    span(
                        made.transaction_id, attempt, parent=own, name=f"router {cluster} egress",
                        kind=Span.SPAN_KIND_CLIENT, start=made.at(when), duration=round(lasted * made.pace * MS),
                        **(failed or ({"status": ERROR} if code >= 500 else {})),
                    ),
                )
            )  # fmt: skip
    return sent


def _application(
    made: Traffic, service: str, name: str, ids: int, parent: str, begin: float, took: float, code: int,
    client: str | None = None,
) -> tuple[str, str]:  # fmt: skip
    """The agent's spans of one request: its server span's id and that of the call it makes (none where '')."""
    server = made.id(ids)
    client = made.id(ids + 1) if client is None else client
    if made.kind.sampled:
        failed = {"status": ERROR} if code >= 500 else {}
        attributes = {"http.request.method": "POST", "http.response.status_code": code, "http.route": name.split()[1]}
        made.spans.append(
            (service, "", span(made.transaction_id, server, parent=parent, name=name, start=made.at(begin),
                               duration=round(took * made.pace * MS), attributes=attributes, **failed))
        )  # fmt: skip
        if client:
            made.spans.append(
                (service, "", span(made.transaction_id, client, parent=server, name="POST", start=made.at(begin + 2),
                                   kind=Span.SPAN_KIND_CLIENT, duration=round((took - 4) * made.pace * MS), **failed))
            )  # fmt: skip
    # What is not recorded is not named either: the call carries the id of the request it is made for.
    return server, client if made.kind.sampled else server


def _line(made: Traffic, line: LogLine, server: str, arrived: str, ms: float) -> None:
    attributes = {} if made.kind.sampled else {semconv.PARENT_SPAN_ID: arrived}
    if line.exception:
        attributes |= {
            "exception.type": "CardDeclinedError",
            "exception.message": "the card network said no",
            "exception.stacktrace": 'Traceback (most recent call last):\n  File "payment.py", line 48, in charge\n'
            "    decline(order)\nCardDeclinedError: the card network said no",
        }
    body = line.body.format(order=made.order)
    if body.endswith("POST "):
        body += 'http://ledger/entries "HTTP/1.1 503 Service Unavailable"'
    made.logs.append(
        (line.service, "", log(made.transaction_id, server, body, time=made.at(ms), attributes=attributes,
                               severity_number=SEVERITIES[line.severity], severity_text=line.severity))
    )  # fmt: skip


def _by_visit(lines: Sequence[LogLine]) -> list[list[LogLine]]:
    """What payment logged of each request: every one begins with the same line."""
    visits: list[list[LogLine]] = []
    for line in lines:
        if not visits or line == lines[0]:
            visits.append([])
        visits[-1].append(line)
    return visits or [[]]
