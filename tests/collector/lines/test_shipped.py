"""The envelopes of log shippers, as they write them to Kafka with JSON output."""

import json

import pytest

from weftline.collector.errors import BadMessage
from weftline.collector.lines.access_log import parse
from weftline.collector.lines.shipped import unpack

LINE = json.dumps({"start_time": "1795320524.461570", "response_code": 200, "method": "GET", "protocol": "HTTP/1.1"})
POD = {
    "k8s.pod.name": "cart-7d",
    "k8s.namespace.name": "shop",
    "k8s.container.name": "istio-proxy",
    "k8s.node.name": "n1",
}
WHO = {**POD, "service.name": "cart", "node_name": "cart-7d.shop"}

FLUENT_BIT = {
    "@timestamp": 1795320525.1, "log": LINE + "\n", "stream": "stdout", "_p": "F",
    "kubernetes": {"pod_name": "cart-7d", "namespace_name": "shop", "container_name": "istio-proxy", "host": "n1",
                   "labels": {"app": "other", "service.istio.io/canonical-name": "cart"}, "docker_id": "0a"},
}  # fmt: skip
VECTOR = {
    "file": "/var/log/pods/x.log", "message": LINE, "source_type": "kubernetes_logs", "timestamp": "2026-11-22T04:08:45Z",
    "kubernetes": {"pod_name": "cart-7d", "pod_namespace": "shop", "container_name": "istio-proxy", "pod_node_name": "n1",
                   "pod_labels": {"app": "cart"}},
}  # fmt: skip


@pytest.mark.parametrize("envelope", [FLUENT_BIT, VECTOR], ids=["fluent bit", "vector"])
def test_the_line_and_its_pod_are_taken_out(envelope: dict[str, object]) -> None:
    found = unpack(json.dumps(envelope))
    assert (found.time, found.fields) == (parse(LINE).time, parse(LINE).fields)
    assert found.resource == WHO


def test_a_line_that_was_parsed_on_the_way_is_taken_as_it_is() -> None:
    for wrapped in (
        {"message": json.loads(LINE)},
        {"log_processed": json.loads(LINE), "log": LINE},
        json.loads(LINE),
        {**json.loads(LINE), "log": ""},
    ):
        found = unpack(json.dumps(wrapped)).fields
        assert {name: found[name] for name in parse(LINE).fields} == parse(LINE).fields


def test_the_line_knows_better_than_its_pod_who_wrote_it() -> None:
    line = json.dumps({**json.loads(LINE), "service.name": "edge", "node_name": "edge-1"})
    found = unpack(json.dumps({**FLUENT_BIT, "log": line}))
    assert found.resource == {**POD, "service.name": "edge", "node_name": "edge-1"}


def test_container_runtimes_prefixes_are_taken_off() -> None:
    assert unpack(f"2026-11-22T04:08:45.1Z stdout F {LINE}") == parse(LINE)
    with pytest.raises(BadMessage, match="part of a line"):
        unpack(f"2026-11-22T04:08:45.1Z stdout P {LINE[:20]}")


@pytest.mark.parametrize("text", ["", "hello", '{"log": "hello"}', '{"message": {"level": "info"}}', '{"log": 7}', "{"])
def test_what_is_no_access_log_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        unpack(text)
