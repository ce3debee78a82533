"""The envelopes of log shippers, as they write them to Kafka with JSON output."""

import json
from dataclasses import replace

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

# As Fluent Bit 5.1 writes them: a line of a file; of a container by the CRI parser; with its kubernetes filter without and
# with Merge_Log, as its chart has it (Keep_Log Off) and under a key of its own.
OF_FILE = {"@timestamp": 1795404199.324746, "log": LINE}
OF_CONTAINER = {
    "@timestamp": 1795320525.123457,
    "time": "2026-11-22T04:08:45.123456789Z",
    "stream": "stdout",
    "_p": "F",
}
OF_POD = {
    "kubernetes": {
        "pod_name": "cart-7d", "namespace_name": "shop", "pod_id": "u-1", "labels": {"app": "other", "service.istio.io/canonical-name": "cart"},
        "annotations": {"x": "y"}, "host": "n1", "pod_ip": "10.0.0.6", "container_name": "istio-proxy", "docker_id": "0a",
        "container_image": "istio/proxyv2:1",
    }
}  # fmt: skip
FLUENT_BITS = {
    "file": OF_FILE,
    "container": {**OF_CONTAINER, "log": LINE},
    "pod": {**OF_CONTAINER, "log": LINE, **OF_POD},
    "merged": {**OF_CONTAINER, **json.loads(LINE), **OF_POD},
    "merged under a key": {**OF_CONTAINER, "log": LINE, "log_processed": json.loads(LINE), **OF_POD},
}
FLUENT_BIT = FLUENT_BITS["pod"]
# By its documentation.
VECTOR = {
    "file": "/var/log/pods/x.log", "message": LINE, "source_type": "kubernetes_logs", "timestamp": "2026-11-22T04:08:45Z",
    "kubernetes": {"pod_name": "cart-7d", "pod_namespace": "shop", "container_name": "istio-proxy", "pod_node_name": "n1",
                   "pod_labels": {"app": "cart"}},
}  # fmt: skip


VECTORS = {
    "vector": VECTOR,
    "vector, merged": {**{key: it for key, it in VECTOR.items() if key != "message"}, **json.loads(LINE)},
}


@pytest.mark.parametrize("shipper", [*FLUENT_BITS, *VECTORS])
def test_the_line_and_its_pod_are_taken_out_and_nothing_else(shipper: str) -> None:
    envelope = {**FLUENT_BITS, **VECTORS}[shipper]
    found = unpack(json.dumps(envelope))
    assert found == replace(parse(LINE), resource=WHO if "kubernetes" in envelope else {})


def test_what_a_line_without_envelope_calls_time_is_its_own() -> None:
    line = json.dumps({**json.loads(LINE), "time": "now", "file": "x"})
    assert unpack(line) == parse(line)
    assert unpack(line).fields["time"] == "now"


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
