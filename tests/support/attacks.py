"""Texts that would run, hide, turn around or burst a page that isn't careful, in every field that takes text."""

import time

from support.otlp import access_log, log, logs_request, span, spans_request
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

MS = 1_000_000
ATTACKS = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "\"><svg/onload=window.ran=1>",
    "javascript:window.ran=1",
    "\x1b[31m\x07\x1b]0;title\x07",
    "\u202eexe.gnp\u2066",
    "שלום עולם مرحبا",
    "👩‍👩‍👧" * 40,
    "W" * 20_000,
    "a\nb\nc\n" * 200,
    "{{constructor.constructor('window.ran=1')()}}${window.ran=1}",
    "__proto__",
)  # fmt: skip


def send_attacks(writer: ClickHouseWriter) -> str:
    """Store a transaction that is made of them; its ID."""
    now = time.time_ns()
    transaction_id = f"{now:032x}"
    spans, logs = [], []
    for number, attack in enumerate(ATTACKS):
        own = f"{number + 1:016x}"
        start = now + number * MS
        # A wire header can't hold a byte that is no text, but these are all text.
        resource = {"weftline.proxy.role": attack} if number % 2 else {}
        spans.append(
            spans_request(
                span(
                    transaction_id, own, parent=f"{number:016x}" if number else "", start=start, duration=5 * MS,
                    name=attack, status={"code": 2, "message": attack}, attributes={attack: attack, "url.full": attack},
                    events=[{"name": attack, "time_unix_nano": start, "attributes": []}],
                    links=[{"trace_id": bytes.fromhex(transaction_id), "span_id": bytes.fromhex(own)}],
                ),
                service=attack, **{attack: attack},
            )
        )  # fmt: skip
        exception = {"exception.type": attack, "exception.message": attack, attack: attack}
        logs.append(
            logs_request(
                log(
                    transaction_id, own, attack, time=start, severity_number=17, severity_text=attack,
                    attributes=exception,
                ),
                service=attack,
            )
        )  # fmt: skip
        logs.append(
            logs_request(
                access_log(
                    transaction_id, own, time=start, method=attack, path=attack, authority=attack, response_code="503",
                    response_flags=attack, response_code_details=attack, upstream_cluster=attack, upstream_host=attack,
                    upstream_transport_failure_reason=attack, route_name=attack, request_id=attack, duration_us="4000",
                    user_agent=attack, upstream_request_attempt_count="2",
                ),
                service=attack, **resource,
            )
        )  # fmt: skip
    writer.insert(Signal.SPANS, spans, f"attack-spans-{now}")
    writer.insert(Signal.LOGS, logs, f"attack-logs-{now}")
    return transaction_id
