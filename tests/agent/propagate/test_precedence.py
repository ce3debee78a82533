"""Which header decides, and what goes out."""

import pytest

from weftline.agent import propagate
from weftline.agent.propagate import Incoming, request_id
from weftline.agent.record import Identity

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER = "a" * 32
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("headers", "incoming"),
    [
        ({}, Incoming()),
        ({"traceparent": PARENT}, Incoming(int(TRACE, 16), int(SPAN, 16), 1)),
        (
            {"traceparent": PARENT, "tracestate": "a=1", "x-transaction-id": OTHER, "x-request-id": "r-1"},
            Incoming(int(TRACE, 16), int(SPAN, 16), 1, "a=1", "r-1"),
        ),
        ({"x-transaction-id": OTHER, "tracestate": "a=1"}, Incoming(int(OTHER, 16))),
        ({"traceparent": "rubbish", "x-transaction-id": OTHER}, Incoming(int(OTHER, 16))),
        ({"x-transaction-id": OTHER.upper()}, Incoming()),
        ({"x-transaction-id": "0" * 32}, Incoming()),
        ({"x-transaction-id": "abc"}, Incoming()),
        ({"x-request-id": "r-1"}, Incoming(request_id="r-1")),
    ],
)
def test_extract(headers: dict[str, str], incoming: Incoming) -> None:
    assert propagate.extract(headers.get) == incoming


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("a b", "a b"), ("", None), (None, None), ("x" * 257, None), ("a\r\nb", None), ("é", None)],
)
def test_request_id(text: str | None, parsed: str | None) -> None:
    assert request_id.parse(text) == parsed


OURS = Identity(int(TRACE, 16), int(SPAN, 16), 1, "a=1")


@pytest.mark.parametrize(
    ("present", "added"),
    [
        ({}, {"traceparent": PARENT, "tracestate": "a=1", "x-request-id": "r-1", "x-transaction-id": TRACE}),
        ({"x-request-id": "own"}, {"traceparent": PARENT, "tracestate": "a=1", "x-transaction-id": TRACE}),
        # the application speaks for another trace: its ID goes with it
        ({"traceparent": f"00-{OTHER}-{SPAN}-00"}, {"x-request-id": "r-1", "x-transaction-id": OTHER}),
        ({"traceparent": "rubbish"}, {"x-request-id": "r-1", "x-transaction-id": TRACE}),
        (
            {"x-transaction-id": "own", "tracestate": "own=1"},
            {"traceparent": PARENT, "x-request-id": "r-1"},
        ),
    ],
)
def test_headers_never_replace_the_applications(present: dict[str, str], added: dict[str, str]) -> None:
    assert propagate.headers(OURS, "r-1", present) == added
    carrier = dict(present)
    names = propagate.inject(OURS, "r-1", carrier)
    assert carrier == {**present, **added}
    assert set(names) == set(added)


def test_names_that_are_no_texts_are_let_be() -> None:
    added = {"traceparent": PARENT, "tracestate": "a=1", "x-request-id": "r-1", "x-transaction-id": TRACE}
    assert propagate.headers(OURS, "r-1", {b"accept": "*/*"}) == added  # type: ignore[dict-item] # as applications may have them
