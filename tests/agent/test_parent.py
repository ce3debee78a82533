"""Whose child is what leaves the program, and whether it is a layer's second."""

import pytest
from opentelemetry import trace

from support.served import served
from weftline.agent import call, context, query
from weftline.agent.parent import is_within, parent_of
from weftline.agent.record import Identity

LIBRARY = query.Library("some_driver")


def describe(attributes: dict[str, object]) -> str:
    return "SELECT"


def test_a_layer_is_where_its_span_is_current() -> None:
    assert not is_within(None, "http.client")
    assert not is_within(trace.NonRecordingSpan(trace.INVALID_SPAN_CONTEXT), "")
    assert is_within(Identity(1, 2, 0, "", "http.client"), "http.client")
    assert not is_within(Identity(1, 2, 0, "", "http.client"), "db.client")


@pytest.mark.parametrize("flags", [0, 1])
def test_calls_and_queries_go_by_it(flags: int) -> None:
    with served(flags):
        outer = call.begin("test", "GET", "http://shop/", {})
        assert outer is not None
        assert (outer.span is not None) is bool(flags)
        inner = call.begin("test", "GET", "http://shop/", {})
        assert (inner is None) is bool(flags)
        below = query.begin(LIBRARY, describe)
        assert (below is not None) is bool(flags)
        query.answered(below)
        call.put_back(outer)


def test_a_sampled_out_transaction_is_its_own_span_and_parent() -> None:
    with served(0):
        entered = context.transaction()
        assert entered is not None
        assert context.current_span() is entered
        assert parent_of(entered)[:3] == (entered.trace_id, entered.span_id, entered.flags)
        assert entered.get_span_context().span_id == entered.span_id
        assert not entered.is_recording()
