"""Export requests as a shop's services would send them: 60 services, several libraries each, whole traces."""

import random
from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

START = 1_795_000_000_000_000_000
SPANS_PER_TRACE = 20

SERVICES = [
    f"{area}-{kind}"
    for area in ("cart", "payment", "catalog", "search", "user", "auth", "shipping", "stock", "email", "pricing", "fraud", "media")
    for kind in ("api", "worker", "svc", "bff", "job")
]  # fmt: skip
ROUTES = [
    f"/api/v{v}/{it}/{{id}}" for v in (1, 2) for it in ("orders", "users", "carts", "items", "payments", "tokens")
]
AGENTS = [
    "okhttp/4.12.0",
    "python-requests/2.34.2",
    "Go-http-client/2.0",
    "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0",
]
TABLES = ["orders", "users", "cart_items", "products", "payments", "audit_log"]


def requests(count: int, spans: int, seed: int) -> Iterator[bytes]:
    """``count`` requests of ``spans`` spans each; the same seed gives the same bytes."""
    chance = random.Random(seed)
    traces: list[tuple[bytes, list[bytes]]] = []
    for number in range(count):
        request = ExportTraceServiceRequest()
        now = START + number * 50_000_000
        left = spans
        while left:
            share = min(left, max(1, spans // chance.choice((1, 1, 2, 4))))
            left -= share
            service = chance.choice(SERVICES)
            group = request.resource_spans.add()
            group.resource.attributes.extend(_attributes(_resource(service, chance)))
            scope = group.scope_spans.add()
            scope.scope.name, scope.scope.version = "io.opentelemetry.netty-4.1", "2.9.0"
            scope.spans.extend(_span(traces, now, chance) for _ in range(share))
        yield request.SerializeToString()


def _resource(service: str, chance: random.Random) -> dict[str, str | int]:
    pod = f"{service}-7d9f8b6c5-{chance.randrange(6):05d}"
    return {
        "service.name": service, "service.namespace": "shop", "service.version": "1.14.2", "service.instance.id": pod,
        "deployment.environment.name": "production", "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "java", "telemetry.sdk.version": "1.44.0", "k8s.pod.name": pod,
        "k8s.namespace.name": "shop-prod", "k8s.node.name": f"node-{chance.randrange(40)}", "k8s.deployment.name": service,
        "host.name": pod, "host.arch": "amd64", "process.pid": 1, "cloud.region": "eu-west-1",
    }  # fmt: skip


def _span(traces: list[tuple[bytes, list[bytes]]], now: int, chance: random.Random) -> Span:
    if len(traces) < 400 or chance.random() < 1 / SPANS_PER_TRACE:
        traces.append((chance.randbytes(16), []))
    trace_id, parents = traces[chance.randrange(max(0, len(traces) - 400), len(traces))]
    span_id = chance.randbytes(8)
    start = now - chance.randrange(2_000_000_000)
    span = Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=chance.choice(parents) if parents else b"",
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(chance.lognormvariate(15, 1.6)),
        flags=257,
    )
    parents.append(span_id)
    failed = chance.random() < 0.03
    attributes: dict[str, str | int | float | bool] = {
        "thread.id": chance.randrange(300),
        "thread.name": f"http-nio-8080-exec-{chance.randrange(200)}",
    }
    match chance.choices(("server", "client", "database", "internal"), (35, 25, 25, 15))[0]:
        case "server" | "client" as kind:
            method, route = chance.choice(("GET", "POST", "PUT")), chance.choice(ROUTES)
            path = route.replace("{id}", str(chance.randrange(10**7)))
            attributes |= {
                "http.request.method": method, "http.response.status_code": 500 if failed else 200, "url.scheme": "https",
                "url.path": path, "server.address": f"{chance.choice(SERVICES)}.shop-prod.svc", "server.port": 8080,
                "network.protocol.version": "1.1", "network.peer.address": f"10.0.{chance.randrange(256)}.7",
            }  # fmt: skip
            if kind == "server":
                span.kind, span.name = Span.SPAN_KIND_SERVER, f"{method} {route}"
                attributes |= {
                    "http.route": route, "user_agent.original": chance.choice(AGENTS),
                    "client.address": f"203.0.113.{chance.randrange(256)}", "enduser.id": f"user-{chance.randrange(200_000)}",
                    "http.request.body.size": chance.randrange(20_000), "app.beta": chance.random() < 0.5,
                }  # fmt: skip
            else:
                span.kind, span.name = Span.SPAN_KIND_CLIENT, method
                attributes["url.full"] = f"https://{chance.choice(SERVICES)}.shop-prod.svc:8080{path}"
        case "database":
            table = chance.choice(TABLES)
            span.kind, span.name = Span.SPAN_KIND_CLIENT, f"SELECT shop.{table}"
            attributes |= {
                "db.system.name": "postgresql", "db.namespace": "shop", "db.operation.name": "SELECT", "db.collection.name": table,
                "db.query.text": f"SELECT id, created_at, status FROM {table} WHERE id = $1 ORDER BY created_at DESC LIMIT 10",
                "server.address": "pg-main.shop-prod", "db.rows": chance.randrange(100), "db.duration_ms": chance.random() * 20,
            }  # fmt: skip
        case _:
            span.kind, span.name = Span.SPAN_KIND_INTERNAL, "OrderService.validate"
            attributes |= {
                "app.tenant": f"t{chance.randrange(500)}",
                "app.plan": "pro",
                "code.function.name": "validate",
            }
    span.attributes.extend(_attributes(attributes))
    if failed:
        span.status.code, span.status.message = 2, "upstream request failed"
        trace = "java.io.IOException: reset\n" + "\n".join(f"\tat com.shop.C{n}.m(C.java:{n})" for n in range(12))
        event = span.events.add(name="exception", time_unix_nano=start)
        event.attributes.extend(_attributes({"exception.type": "java.io.IOException", "exception.stacktrace": trace}))
    return span


def _attributes(them: dict[str, str | int | float | bool]) -> list[KeyValue]:
    field = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
    return [KeyValue(key=key, value=AnyValue(**{field[type(it)]: it})) for key, it in them.items()]
