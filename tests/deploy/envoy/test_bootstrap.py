"""The shape of a bootstrap, without Envoy; `test_chain.py` has Envoy run it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from weftline.agent import semconv
from weftline.deploy.demo import mesh
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.http_connection_manager import PARENT_STATE
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Retry, Role, Route

PORTS = mesh.Ports.choose(iter(range(20_000, 20_100)).__next__)
COLLECTOR = Collector(Address("127.0.0.1", 4317), protocol="grpc")
SIDECAR = mesh.cart_sidecar(PORTS, COLLECTOR)
EDGE = mesh.edge(PORTS, COLLECTOR)


def managers(proxy: Proxy) -> Iterator[dict[str, Any]]:
    for listener in bootstrap(proxy)["static_resources"]["listeners"]:
        (chain,) = listener["filter_chains"]
        (network_filter,) = chain["filters"]
        yield network_filter["typed_config"]


def filter_names(manager: dict[str, Any]) -> list[str]:
    return [http_filter["name"].rpartition(".")[2] for http_filter in manager["http_filters"]]


@pytest.mark.parametrize("proxy", [EDGE, SIDECAR], ids=["edge", "sidecar"])
def test_every_listener_sets_the_id_first_and_routes_last(proxy: Proxy) -> None:
    for manager in managers(proxy):
        assert filter_names(manager) == ["header_mutation", "set_filter_state", "router"]


def test_the_edge_overwrites_what_a_client_sent_and_a_sidecar_keeps_it() -> None:
    def actions(proxy: Proxy) -> list[str]:
        return [
            mutation["append"]["append_action"]
            for manager in managers(proxy)
            for mutation in manager["http_filters"][0]["typed_config"]["mutations"]["request_mutations"]
        ]

    assert actions(EDGE) == ["OVERWRITE_IF_EXISTS_OR_ADD"]
    assert actions(SIDECAR) == ["ADD_IF_ABSENT", "ADD_IF_ABSENT"]


def test_every_field_of_an_access_log_is_logged() -> None:
    for manager in managers(SIDECAR):
        (access_log,) = manager["access_log"]
        logged = access_log["typed_config"]["attributes"]["values"]
        assert {item["key"]: item["value"]["string_value"] for item in logged} == semconv.ACCESS_LOG_FIELDS


@pytest.mark.parametrize("proxy", [EDGE, SIDECAR], ids=["edge", "sidecar"])
def test_every_attempt_is_logged_by_the_router(proxy: Proxy) -> None:
    for manager, listener in zip(managers(proxy), proxy.listeners, strict=True):
        (attempt_log,) = manager["http_filters"][-1]["typed_config"]["upstream_log"]
        logged = {it["key"]: it["value"]["string_value"] for it in attempt_log["typed_config"]["attributes"]["values"]}
        # An inbound proxy passes on its caller's count: it would number its own attempt with it.
        uncounted = {"upstream_request_attempt_count"} if listener.role is Role.SIDECAR_INBOUND else set()
        assert set(semconv.ATTEMPT_LOG_FIELDS) - set(logged) == uncounted
        assert logged.items() <= semconv.ATTEMPT_LOG_FIELDS.items()
        assert (
            attempt_log["typed_config"]["resource_attributes"]
            == manager["access_log"][0]["typed_config"]["resource_attributes"]
        )


def test_the_parent_is_kept_under_the_name_the_access_log_asks_for() -> None:
    assert semconv.ACCESS_LOG_FIELDS["parent_traceparent"] == f"%FILTER_STATE({PARENT_STATE}:PLAIN)%"
    (manager,) = managers(EDGE)
    (state,) = manager["http_filters"][1]["typed_config"]["on_request_headers"]
    assert state["object_key"] == PARENT_STATE


def test_spans_and_logs_name_the_service_and_the_listener_s_role() -> None:
    for manager, role in zip(managers(SIDECAR), ("sidecar-inbound", "sidecar-outbound"), strict=True):
        resource = manager["access_log"][0]["typed_config"]["resource_attributes"]["values"]
        assert {item["key"]: item["value"]["string_value"] for item in resource} == {
            "service.name": "cart",
            semconv.PROXY_ROLE: role,
        }
        tracer = manager["tracing"]["provider"]["typed_config"]
        assert tracer["service_name"] == "cart"
        assert tracer["resource_detectors"][0]["typed_config"]["attributes"] == {semconv.PROXY_ROLE: role}


def test_an_inbound_proxy_leaves_the_attempt_count_of_its_caller() -> None:
    counts = [
        manager["route_config"]["virtual_hosts"][0]["include_request_attempt_count"] for manager in managers(SIDECAR)
    ]
    assert counts == [False, True]


def test_sampling_percentage_is_exact_to_the_millionth() -> None:
    proxy = Proxy("s", "n", Address("127.0.0.1", 1), COLLECTOR, EDGE.listeners, sampling_percentage=0.25)
    (manager,) = managers(proxy)
    sampler = manager["tracing"]["provider"]["typed_config"]["sampler"]["typed_config"]["wrapped_sampler"]
    assert sampler["typed_config"]["sampling_percentage"] == {"numerator": 2500, "denominator": "MILLION"}


def test_otlp_over_http_posts_to_the_collector_s_paths() -> None:
    proxy = Proxy("s", "n", Address("127.0.0.1", 1), Collector(Address("127.0.0.1", 4318)), EDGE.listeners)
    (manager,) = managers(proxy)
    spans = manager["tracing"]["provider"]["typed_config"]["http_service"]["http_uri"]
    logs = manager["access_log"][0]["typed_config"]["http_service"]["http_uri"]
    assert (spans["uri"], logs["uri"]) == ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/logs")
    (cluster,) = bootstrap(proxy)["static_resources"]["clusters"]
    assert "typed_extension_protocol_options" not in cluster


def test_a_retry_and_a_timeout_reach_the_route() -> None:
    listener = Listener(
        Role.SIDECAR_OUTBOUND,
        Address("127.0.0.1", 2),
        (Route("r", "/", "c", timeout=0.5, retry=Retry(attempts=3, on="5xx", headers=())),),
    )
    proxy = Proxy("s", "n", Address("127.0.0.1", 1), COLLECTOR, (listener,), (Cluster("c", ()),))
    (manager,) = managers(proxy)
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert route["route"] == {
        "cluster": "c",
        "timeout": "0.5s",
        "retry_policy": {"retry_on": "5xx", "num_retries": 3, "retriable_headers": []},
    }


def test_it_is_json() -> None:
    assert json.loads(json.dumps(bootstrap(SIDECAR))) == bootstrap(SIDECAR)


def test_ports_of_the_shop_never_repeat() -> None:
    numbers = iter([1, 1, *range(2, 20)])
    ports = mesh.Ports.choose(numbers.__next__)
    chosen = [getattr(ports, name) for name in ports.__slots__]
    assert len(set(chosen)) == len(chosen) == 11
