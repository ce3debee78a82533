"""Interleaved rounds of the same Envoy with more and more of our configuration; CPU of its process per request."""

import copy
import importlib.util
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.cpu import cpu_nanoseconds
from bench.envoy import load
from weftline.deploy.envoy.bootstrap import bootstrap
from weftline.deploy.envoy.extension import typed
from weftline.deploy.envoy.proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route
from weftline.deploy.local.envoy import Envoy
from weftline.deploy.local.ports import HOST, free_port
from weftline.deploy.wasm.build import build

ROUNDS, REQUESTS = 60, 400
BASE, UNTRUSTED_BASE = "tracing", "untrusted edge: tracing"
PROPAGATOR = {"sanitizer", "ID", "parent"}
FILTERS = ("ID", "parent")
"""What the first HTTP filters are for, in their order."""
Json = dict[str, Any]


def main() -> None:
    """Run and print the table."""
    measured: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        behind = free_port()
        stack.enter_context(Envoy("behind", Path(folder), _answering(behind)))
        proxies = {}
        for name, (port, config) in _variants(Path(folder), behind):
            proxies[name] = (port, stack.enter_context(Envoy(name, Path(folder), config)))
        for warm in (True, *[False] * ROUNDS):
            for name, (port, proxy) in proxies.items():
                pid = proxy.pid
                assert pid is not None
                before = cpu_nanoseconds(pid)
                load.main(port, REQUESTS)
                if not warm:
                    measured[name].append((cpu_nanoseconds(pid) - before) / REQUESTS / 1000)
    print(f"\nEnvoy: medians of {ROUNDS} rounds of {REQUESTS} requests, CPU of its process, one worker, 1 % sampled")
    print(f"{'':<34}{'µs a request':>14}{f'by {BASE}':>12}{'quartiles':>16}")
    for name, values in measured.items():
        # Each round against the same round of the base: what the machine did meanwhile was alike.
        base = measured[UNTRUSTED_BASE if name.startswith("untrusted edge") else BASE]
        ratios = [value / one for value, one in zip(values, base, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name:<34}{statistics.median(values):>14.1f}{middle:>12.2f}{f'{low:.2f} to {high:.2f}':>16}")


def _variants(folder: Path, behind: int) -> Iterator[tuple[str, tuple[int, Json]]]:
    for name, keeps in (
        ("nothing", set()),
        (BASE, {"tracing"}),
        ("tracing, a filter without a task", {"tracing", "empty filter"}),
        ("tracing, sanitizer alone", {"tracing", "sanitizer"}),
        ("tracing, ID alone", {"tracing", "ID"}),
        ("tracing, parent kept alone", {"tracing", "parent"}),
        ("tracing, sanitizer and ID", {"tracing", "sanitizer", "ID"}),
        ("tracing, propagator", {"tracing", *PROPAGATOR}),
        ("the same, access log", {"tracing", *PROPAGATOR, "access log"}),
        ("the same, log per attempt", {"tracing", *PROPAGATOR, "access log", "attempts"}),
    ):
        yield name, _proxy(behind, keeps)
    # Here the sanitizer judges nothing: it removes what callers say about traces.
    yield UNTRUSTED_BASE, _proxy(behind, {"tracing"}, Role.EDGE, trusted=False)
    yield "untrusted edge: propagator", _proxy(behind, {"tracing", *PROPAGATOR}, Role.EDGE, trusted=False)
    if importlib.util.find_spec("ziglang") is not None:
        module = folder / "propagator.wasm"
        build(module)
        port, config = _proxy(behind, {"tracing"})
        manager = _manager(config)
        code = {"local": {"filename": str(module)}}
        vm = {"vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": code}}
        wasm = typed("envoy.filters.http.wasm", "extensions.filters.http.wasm.v3.Wasm", config=vm)
        manager["http_filters"].insert(0, wasm)
        yield "tracing, proxy-wasm module", (port, config)


def _proxy(
    behind: int, keeps: set[str], role: Role = Role.SIDECAR_OUTBOUND, *, trusted: bool = True
) -> tuple[int, Json]:
    """Port and bootstrap of a proxy with that much of what `weftline envoy config` prints."""
    port = free_port()
    proxy = Proxy(
        service="bench",
        node_id="bench-1",
        admin=Address(HOST, free_port()),
        collector=Collector(Address(HOST, behind)),
        listeners=(Listener(role, Address(HOST, port), (Route("all", "/", "app"),), trusted=trusted),),
        clusters=(Cluster("app", (Address(HOST, behind),)),),
        sampling_percentage=1,
    )
    config = copy.deepcopy(bootstrap(proxy))
    manager = _manager(config)
    *ours, router = manager["http_filters"]
    if "tracing" not in keeps:
        del manager["tracing"]
    if "sanitizer" not in keeps:
        del manager["early_header_mutation_extensions"]
    # An untrusted edge has no parent to keep.
    manager["http_filters"] = [it for name, it in zip(FILTERS, ours, strict=trusted) if name in keeps] + [router]
    if "empty filter" in keeps:
        manager["http_filters"].insert(0, _empty_filter())
    if "access log" not in keeps:
        del manager["access_log"]
    if "attempts" not in keeps:
        del router["typed_config"]["upstream_log"]
    return port, config


def _empty_filter() -> Json:
    message = "extensions.filters.http.header_mutation.v3.HeaderMutation"
    return typed("envoy.filters.http.header_mutation", message, mutations={})


def _manager(config: Json) -> Json:
    [listener] = config["static_resources"]["listeners"]
    manager: Json = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def _answering(port: int) -> Json:
    """Application and collector in one: 200 to everything."""
    _, config = _proxy(port, set())
    manager = _manager(config)
    config["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = port
    answer = {"name": "all", "match": {"prefix": "/"}, "direct_response": {"status": 200}}
    manager["route_config"]["virtual_hosts"][0]["routes"] = [answer]
    return config
