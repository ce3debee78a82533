"""What single pieces of the agent take, in nanoseconds; medians of interleaved rounds.

usage: python -m bench.agent.pieces
A driver function for each contender: one that is shared would be specialised for the first.
"""

import logging
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from weftline.agent.export import encode
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.record import LogRecord, Span
from weftline.agent.weave import swap

_CALLS: Final = 200_000
_BATCH: Final = 512
_ROUNDS: Final = 9
_DRIVER: Final = """
def drive(function, times=range(%d)):
    for _ in times:
        function(1)
"""


def enter() -> None:
    """An empty hook."""


def leave(_token: None, _result: Any) -> None:
    """An empty hook."""


def target() -> Callable[[int], int]:
    """A function of its own each time, with a code object of its own."""
    names: dict[str, Any] = {}
    exec("def function(x):\n    return x", names)
    function: Callable[[int], int] = names["function"]
    return function


def driver() -> Callable[[Callable[[int], int]], None]:
    """A loop of its own each time."""
    names: dict[str, Any] = {}
    exec(_DRIVER % _CALLS, names)
    drive: Callable[[Callable[[int], int]], None] = names["drive"]
    return drive


def main() -> None:
    """Measure and print."""
    print(f"\npieces: medians of {_ROUNDS} interleaved rounds")
    _calls()
    _encoding()
    _stamps()


def _calls() -> None:
    import wrapt

    plain, woven, wrapped = target(), target(), target()
    advice = Advice(enter, leave, leave)
    swap.weave(woven, Pointcut("bench", "function", advice, kind="observe"), advice)  # type: ignore[arg-type]

    def around(function: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        enter()
        result = function(*args, **kwargs)
        leave(None, result)
        return result

    contenders = {
        "plain call": plain,
        "woven call, empty hooks": woven,
        "wrapt, as contrib": wrapt.FunctionWrapper(wrapped, around),
    }
    took = _rounds({name: _timed(driver(), function, _CALLS) for name, function in contenders.items()})
    for name, ns in took.items():
        print(f"{name:<34}{ns:>8.0f} ns{ns - took['plain call']:>+8.0f}")


def _encoding() -> None:
    spans = [_span(number) for number in range(1, _BATCH + 1)]
    logs = [
        LogRecord(number, number, 9, "INFO", f"order {number}", "shop", {"code.line.number": 12}, number, number, 1)
        for number in range(1, _BATCH + 1)
    ]
    about = encode.resource({"service.name": "shop"})
    took = _rounds(
        {
            "span encoded, 10 attributes": _timed(lambda items: encode.traces(about, items, "1", 16384), spans, _BATCH),
            "log record encoded": _timed(lambda items: encode.logs(about, items, "1", 16384), logs, _BATCH),
        }
    )
    for name, ns in took.items():
        print(f"{name:<34}{ns:>8.0f} ns")


def _stamps() -> None:
    """`logger.info` to a handler that does nothing, in a transaction; stamped only, as no record is sent."""
    from opentelemetry import trace

    import weftline.agent

    handler = logging.NullHandler()
    handler.handle = lambda _record: True  # type: ignore[method-assign, assignment]
    logger = logging.Logger("bench")  # noqa: LOG001 - nobody else's handlers
    logger.addHandler(handler)

    def drive(times: int) -> None:
        for _ in range(times):
            logger.info("an order")

    plain = []
    stamped = []
    os.environ.update(OTEL_LOGS_EXPORTER="none", OTEL_TRACES_EXPORTER="none")
    for _ in range(_ROUNDS):
        plain.append(_timed(drive, _CALLS // 10, _CALLS // 10)())
        weftline.agent.start()
        with trace.get_tracer("bench").start_as_current_span("span"):
            stamped.append(_timed(drive, _CALLS // 10, _CALLS // 10)())
        weftline.agent.stop()
    before, after = statistics.median(plain), statistics.median(stamped)
    print(f"{'logger.info':<34}{before:>8.0f} ns\n{'logger.info, stamped':<34}{after:>8.0f} ns{after - before:>+8.0f}")


def _span(number: int) -> Span:
    span = Span(
        "GET /items/{name}", 2, "weftline.agent.flask",
        {
            "http.request.method": "GET", "url.path": f"/items/{number % 50}", "url.scheme": "http",
            "server.address": "shop", "server.port": 8080, "network.protocol.version": "1.1",
            "user_agent.original": "bench/1", "client.address": "127.0.0.1", "http.route": "/items/<name>",
            "http.response.status_code": 200,
        },
        trace_id=number << 64 | number, span_id=number << 32, parent_id=7, remote_parent=True,
    )  # fmt: skip
    span.end_ns = span.start_ns + 1
    return span


def _timed(function: Callable[[Any], Any], argument: Any, amount: int) -> Callable[[], float]:
    def once() -> float:
        began = time.process_time_ns()
        function(argument)
        return (time.process_time_ns() - began) / amount

    return once


def _rounds(pieces: dict[str, Callable[[], float]]) -> dict[str, float]:
    took: dict[str, list[float]] = {name: [] for name in pieces}
    for _ in range(_ROUNDS):
        for name, once in pieces.items():
            took[name].append(once())
    return {name: statistics.median(values) for name, values in took.items()}


if __name__ == "__main__":
    main()
