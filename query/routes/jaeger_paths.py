"""Ways through services: what Jaeger's page of deep dependencies draws. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from weftline.agent import semconv
from weftline.collector.store.protocol import SpanRow
from weftline.query.timeline.causes import ENTRANCES

EXEMPLARS: Final = 5
"""Trace ids with a way that many traces went."""
MOST_PATHS: Final = 1000

Step = tuple[str, str]
"""Service and operation."""


def paths(
    traces: Mapping[str, Sequence[SpanRow]], service: str, operation: str
) -> list[tuple[tuple[Step, ...], list[str]]]:
    """Every way from a root to a leaf that leads through ``service`` (and ``operation``, unless that is ''), once, with
    ids of traces that went it. A step is where work enters a service; a proxy of it is one only where nothing else is.
    """
    found: dict[tuple[Step, ...], list[str]] = {}
    for trace_id, spans in traces.items():
        for path in _paths(spans, (service, operation)):
            if not any(step == (service, operation or step[1]) for step in path):
                continue
            if path in found or len(found) < MOST_PATHS:
                ids = found.setdefault(path, [])
                if len(ids) < EXEMPLARS and trace_id not in ids:
                    ids.append(trace_id)
    return list(found.items())


class _Node(NamedTuple):
    step: Step
    proxy: bool


def _paths(spans: Sequence[SpanRow], focus: Step) -> Iterator[tuple[Step, ...]]:
    ids = {span.span_id for span in spans}
    children: defaultdict[str, list[SpanRow]] = defaultdict(list)
    for span in spans:
        children[span.parent_span_id if span.parent_span_id in ids else ""].append(span)
    stack: list[tuple[SpanRow, tuple[_Node, ...]]] = [(root, ()) for root in reversed(children[""])]
    seen: set[int] = set()
    while stack:
        span, before = stack.pop()
        if id(span) in seen:  # ids that repeat could lead in a circle
            continue
        seen.add(id(span))
        path = _extended(before, span, focus)
        below = [child for child in children.get(span.span_id, ()) if id(child) not in seen]
        if not below:
            yield _steps(path)
        stack += ((child, path) for child in reversed(below))


def _extended(path: tuple[_Node, ...], span: SpanRow, focus: Step) -> tuple[_Node, ...]:
    step = (span.service, span.name)
    proxy = bool(span.resource.get(semconv.PROXY_ROLE) or span.attributes.get(semconv.PROXY_ROLE))
    last = path[-1] if path else None
    if last is None or last.step[0] != span.service:
        return (*path, _Node(step, proxy))
    if step == last.step or proxy:
        return path
    if span.kind in ENTRANCES or step == focus:
        # The proxy before the service, of the same name, has been but a stand-in.
        return (*(path[:-1] if last.proxy else path), _Node(step, False))
    return path


def _steps(path: Iterable[_Node]) -> tuple[Step, ...]:
    return tuple(node.step for node in path)
