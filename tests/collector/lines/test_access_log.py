"""Lines of every format that is read, and what is wrong with those that are not."""

import json

import pytest

from weftline.collector.errors import BadMessage
from weftline.collector.lines.access_log import Record, parse

TX = "0af7651916cd43dd8448eb211c80319c"

OURS = {
    "start_time": "1795320524.461570", "trace_id": TX, "span_id": "be11c8f467da9cc4", "access_log_type": "DownstreamEnd",
    "transaction_id": TX, "method": "GET", "path": "/pay", "response_code": 200, "response_flags": "-", "duration_us": 889,
    "grpc_status": None, "service.name": "cart", "weftline.proxy.role": "edge", "node_name": "edge-1", "zone_name": "-",
}  # fmt: skip

ISTIO_TEXT = (
    '[2026-11-22T04:08:44.461Z] "GET /pay?order=1 HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - '
    '"delayed_connect_error:_Connection_refused" 12 91 33 - "10.1.2.3" "curl/8 "quoted" (x)" "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0" '
    '"ledger:8080" "10.0.0.9:8080" outbound|8080||ledger.shop.svc.cluster.local 10.0.0.5:43210 10.1.0.3:8080 10.0.0.5:51234 - default'
)
ISTIO_JSON = {
    "start_time": "2026-11-22T04:08:44.461Z", "method": "GET", "path": "/pay?order=1", "protocol": "HTTP/1.1", "response_code": 503,
    "response_flags": "UF,URX", "response_code_details": "upstream_reset_before_response_started{connection_failure}",
    "connection_termination_details": None, "upstream_transport_failure_reason": "delayed_connect_error:_Connection_refused",
    "bytes_received": 12, "bytes_sent": 91, "duration": 33, "upstream_service_time": None, "x_forwarded_for": "10.1.2.3",
    "user_agent": 'curl/8 "quoted" (x)', "request_id": "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0", "authority": "ledger:8080",
    "upstream_host": "10.0.0.9:8080", "upstream_cluster": "outbound|8080||ledger.shop.svc.cluster.local",
    "upstream_local_address": "10.0.0.5:43210", "downstream_local_address": "10.1.0.3:8080",
    "downstream_remote_address": "10.0.0.5:51234", "requested_server_name": None, "route_name": "default",
}  # fmt: skip


def test_our_json_is_the_otlp_record() -> None:
    assert parse(json.dumps(OURS)) == Record(
        1_795_320_524_461_570_000,
        bytes.fromhex(TX),
        bytes.fromhex("be11c8f467da9cc4"),
        {
            "access_log_type": "DownstreamEnd", "transaction_id": TX, "method": "GET", "path": "/pay", "response_code": "200",
            "response_flags": "-", "duration_us": "889",
        },
        {"service.name": "cart", "weftline.proxy.role": "edge", "node_name": "edge-1"},
    )  # fmt: skip


def test_istios_text_and_json_are_one_record() -> None:
    def without_nothing(line: str) -> Record:
        found = parse(line)
        return Record(
            found.time,
            found.trace_id,
            found.span_id,
            {k: v for k, v in found.fields.items() if v != "-"},
            found.resource,
        )

    text, structured = without_nothing(ISTIO_TEXT), without_nothing(json.dumps(ISTIO_JSON))
    assert text == structured
    assert text.time == 1_795_320_524_461_000_000
    assert text.fields["duration_ms"] == "33"
    assert text.fields["user_agent"] == 'curl/8 "quoted" (x)'
    assert text.fields["access_log_type"] == "DownstreamEnd"


def test_envoys_own_default_text_is_read() -> None:
    line = '[2026-11-22T04:08:44.461Z] "GET / HTTP/1.1" 200 - 0 364 1 0 "-" "curl/8" "7b3f3831-f1e7-9db7-b6b7-ed7a4b9bf2a0" "shop" "127.0.0.1:1"\n'
    found = parse(line)
    assert (found.fields["upstream_host"], found.fields["bytes_sent"]) == ("127.0.0.1:1", "364")


def test_a_tcp_connection_is_told_by_what_it_lacks() -> None:
    line = (
        '[2026-11-22T04:08:44.461Z] "- - -" 0 UF,URX - - "-" 0 0 1001 - "-" "-" "-" "-" "10.0.0.9:6379" '
        "outbound|6379||redis.shop.svc.cluster.local - 10.1.0.3:6379 10.0.0.5:51234 - -"
    )
    assert parse(line).fields["access_log_type"] == "TcpConnectionEnd"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "neither JSON nor"),
        ("2026-11-22 info envoy started", "neither JSON nor"),
        ('{"start_time": "2026', "isn't"),
        ('{"method": "GET", "response_code": 200}', "no start_time"),
        ('{"start_time": "2026-11-22T04:08:44.461Z", "msg": "hello"}', "no access log"),
        ('{"start_time": "yesterday", "response_code": 200}', "is no time"),
        ('{"start_time": "2026-11-22T04:08:44", "response_code": 200}', "has no time zone"),
        ("{}", "no start_time"),
    ],
)
def test_other_lines_are_refused_with_a_reason(line: str, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        parse(line)
