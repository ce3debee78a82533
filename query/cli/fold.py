"""Leaves out of a timeline what only says again what stands above it: the one attempt of a request that wasn't retried.

Input and output are entries of the API's JSON; `timeline_view` draws what is left.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def without_only_attempts(entries: Sequence[Json]) -> list[Json]:
    """``entries`` without the attempts that were their request's only one; `parent` is a position in the result.

    An attempt that another row hangs below stays, and so does one whose request's record isn't there.
    """
    causes = {entry["parent"] for entry in entries}
    sent_once = {
        entry["upstream_span_id"]
        for entry in entries
        if entry["kind"] == "access_log" and entry["upstream_attempts"] == 1 and entry["upstream_span_id"]
    }
    position_of: dict[int | None, int | None] = {None: None}
    kept: list[Json] = []
    for index, entry in enumerate(entries):
        if entry["kind"] == "attempt" and entry["upstream_span_id"] in sent_once and index not in causes:
            continue
        position_of[index] = len(kept)
        kept.append({**entry, "parent": position_of[entry["parent"]]})
    return kept
