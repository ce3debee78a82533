"""The rows of one transaction, kept small: of a big one only what a timeline is made of stays as rows, the rest is
packed.

blocks of rows ──► keep ──► `Kept.rows` ──► assemble ──► `Kept.whole` for each entry as it is written

A timeline needs all rows at once, an answer one after the other, in nearly the order in which they were read.
"""

import pickle
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from weftline.agent import semconv
from weftline.collector.store.protocol import AccessLogRow, LogRow, Row, SpanRow
from weftline.query.timeline.attempts import CONNECTION_ID
from weftline.query.timeline.hosts import HOST_ATTRIBUTES
from weftline.query.timeline.outcome import is_error
from weftline.query.timeline.summary import STATUS_CODE_ATTRIBUTES

UNPACKED: Final = 2_000
"""Rows of a transaction from which on they are packed."""
BLOCK: Final = 256
"""Rows packed together."""
OPEN_BLOCKS: Final = 24
"""Kept unpacked while an answer is written: its order hops between the kinds of rows, and between hosts."""
ATTRIBUTES: Final = frozenset(
    {*STATUS_CODE_ATTRIBUTES, *HOST_ATTRIBUTES, semconv.PROXY_ROLE, semconv.PARENT_SPAN_ID, "error.type", CONNECTION_ID}
)
"""Those that `assemble` looks at, of rows and of resources."""
Texts = dict[str, str]


class Kept:
    """``rows`` are what to assemble; ``truncated`` says that there were more."""

    def __init__(
        self, rows: Sequence[Row], truncated: bool, packed: Sequence[bytes], place_of: Mapping[int, int]
    ) -> None:
        self.rows = rows
        self.truncated = truncated
        self._packed = packed
        self._place_of = place_of
        self._open: OrderedDict[int, list[Row]] = OrderedDict()

    def whole(self, row: Row) -> Row:
        """What was stored, for one of ``rows`` (by identity)."""
        place = self._place_of.get(id(row))
        if place is None:
            return row
        block, at = divmod(place, BLOCK)
        if block in self._open:
            self._open.move_to_end(block)
        else:
            self._open[block] = pickle.loads(zlib.decompress(self._packed[block]))  # noqa: S301 - packed by this process
            if len(self._open) > OPEN_BLOCKS:
                self._open.popitem(last=False)
        return self._open[block][at]


def keep(blocks: Iterable[Sequence[Row]], limit: int) -> Kept:
    """The first ``limit`` of the rows by time; no block may be bigger than what memory holds a few of."""
    rows: list[Row] = []
    waiting: list[Row] = []
    packed: list[bytes] = []
    place_of: dict[int, int] = {}
    texts: Texts = {}

    def pack(*, everything: bool) -> None:
        while len(waiting) >= BLOCK or (everything and waiting):
            those = waiting[:BLOCK]
            del waiting[:BLOCK]
            for at, row in enumerate(those):
                small = _outline(row, texts)
                place_of[id(small)] = len(packed) * BLOCK + at
                rows.append(small)
            packed.append(zlib.compress(pickle.dumps(those, pickle.HIGHEST_PROTOCOL), 1))

    big = False
    for block in blocks:
        waiting += block
        big = big or len(waiting) > UNPACKED
        if big:
            pack(everything=False)
    if big:
        pack(everything=True)
    else:
        rows = waiting
    rows.sort(key=lambda row: row.time)
    return Kept(rows[:limit], len(rows) > limit, packed, place_of)


def _outline(row: Row, texts: Texts) -> Row:
    """The row with what `assemble` looks at, sharing its texts with other rows."""

    def shared(text: str) -> str:
        return texts.setdefault(text, text)

    resource, attributes = _some(row.resource, texts), _some(row.attributes, texts)
    match row:
        case SpanRow():
            return replace(
                row, resource=resource, attributes=attributes, scope_attributes={}, links=(),
                events=row.events if is_error(row) else (), transaction_id=shared(row.transaction_id),
                service=shared(row.service), name=shared(row.name), kind=shared(row.kind), status=shared(row.status),
                scope_name=shared(row.scope_name), scope_version=shared(row.scope_version),
            )  # fmt: skip
        case LogRow():
            return replace(
                row, resource=resource, attributes=attributes, body=row.body[:400] if is_error(row) else "",
                transaction_id=shared(row.transaction_id), service=shared(row.service),
                severity_text=shared(row.severity_text), scope_name=shared(row.scope_name),
            )  # fmt: skip
        case AccessLogRow():
            return replace(
                row, resource=resource, attributes=attributes, transaction_id=shared(row.transaction_id),
                service=shared(row.service), node_id=shared(row.node_id), proxy_role=shared(row.proxy_role),
                path=shared(row.path), authority=shared(row.authority), upstream_cluster=shared(row.upstream_cluster),
                upstream_host=shared(row.upstream_host), request_id=shared(row.request_id), kind=shared(row.kind),
                response_flags=shared(row.response_flags), response_code_details=shared(row.response_code_details),
            )  # fmt: skip


_NOTHING: Final[Mapping[str, str]] = {}


def _some(attributes: Mapping[str, str], texts: Texts) -> Mapping[str, str]:
    found = {name: texts.setdefault(attributes[name], attributes[name]) for name in ATTRIBUTES & attributes.keys()}
    return found or _NOTHING
