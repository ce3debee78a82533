"""For tests of database plugins: code inside a server request, and the client spans it made."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import weftline.agent
from support.otlp_sink import OtlpSink
from weftline.agent import context, serve
from weftline.agent.propagate import Incoming

TRACE, SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


@contextmanager
def served(flags: int = 1) -> Iterator[context.Transaction]:
    """Inside a server request, as a server plugin would begin it; checks that its context is left as it was."""

    def describe(_: object, attributes: dict[str, Any]) -> str:
        return "GET"

    request = serve.begin(Incoming(TRACE, SPAN, flags), "test", describe, None)
    try:
        yield request
        assert context.current_span() is (request.span or request)
    finally:
        serve.finish(request)


def queries(sink: OtlpSink) -> list[dict[str, Any]]:
    """The client spans of all that was done; ends the agent. Nothing secret may have been sent."""
    weftline.agent.stop()
    assert not [path for path, _, body in sink.requests if b"s3cret" in body]
    return sink.spans(kind="CLIENT")


def names(spans: list[dict[str, Any]]) -> list[str]:
    return [span["name"] for span in spans]
