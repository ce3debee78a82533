"""GET /analytics/v1/dependencies: every way has the service (and operation) that was asked for in it."""

import time
from typing import Any
from urllib.parse import urlencode

from support import shop
from support.asgi import call
from support.rows import RowsReader, RowsSearcher, access, hit, span
from weftline.collector.store.protocol import Row
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

CART, PAY = ("cart", "POST /checkout"), ("payment", "GET /pay")


def ask(rows: list[Row], **parameters: str) -> Any:
    # As old as the searches go: the clock of these tests is the machine's.
    ids = dict.fromkeys(row.transaction_id for row in rows)
    now = time.time_ns()
    searcher = RowsSearcher([hit(one, now - 10**9) for one in ids])
    app = create_app(RowsReader(rows), searcher, QuerySettings())
    return call(app, "/analytics/v1/dependencies?" + urlencode({"start": "0", "end": "0", **parameters}))


def ways(rows: list[Row], **parameters: str) -> list[list[tuple[str, str]]]:
    body = ask(rows, **parameters).json()
    return [[(step["service"], step["operation"]) for step in one["path"]] for one in body["dependencies"]]


def test_ways_lead_from_root_to_leaf() -> None:
    assert ways(shop.laptop(), service="cart") == [[CART, PAY]]
    assert ways(shop.laptop(), service="payment", operation="GET /pay") == [[CART, PAY]]


def test_proxies_are_a_step_only_where_nothing_else_is() -> None:
    edge = ("edge", "ingress")
    assert set(map(tuple, ways(shop.success(), service="payment"))) == {(edge, CART, PAY)}
    assert ways(shop.success(sampled=False), service="payment") == [[("edge", "POST /checkout"), CART, PAY]]


def test_ways_without_what_was_asked_for_are_left_out() -> None:
    rows = [span("root", "a", kind="server"), span("x", "b", "a", service="b"), span("y", "c", "a", service="c")]
    assert ways(rows, service="b") == [[("cart", "root"), ("b", "x")]]
    assert ways(rows, service="b", operation="nothing") == []


def test_an_operation_inside_a_service_is_a_step_when_asked_for() -> None:
    rows = [span("root", "a", kind="server"), span("inner", "b", "a")]
    assert ways(rows, service="cart") == [[("cart", "root")]]
    assert ways(rows, service="cart", operation="inner") == [[("cart", "root"), ("cart", "inner")]]


def test_equal_ways_are_one_with_a_few_of_their_traces() -> None:
    rows = [span("root", "a", transaction=f"{number:032x}") for number in range(1, 9)]
    (one,) = ask(rows, service="cart").json()["dependencies"]
    assert one["path"] == [{"service": "cart", "operation": "root"}]
    assert [it["key"] for it in one["attributes"]] == ["exemplar_trace_id"] * 5


def test_circles_of_ids_end() -> None:
    rows = [span("root", "a"), span("x", "b", "a"), span("y", "b", "b"), access("edge", "e", "b")]
    assert ways(rows, service="cart")


def test_the_service_is_required_and_unknown_ones_have_no_ways() -> None:
    answer = ask([])
    assert (answer.status_code, answer.json()["errors"][0]["msg"]) == (400, "parameter 'service' is required")
    assert ask([], service="nobody").json() == {"dependencies": []}
