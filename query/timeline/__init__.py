"""The timeline of one transaction: rows in, entries in causal order out. Pure: no I/O, no clock, no settings.

rows ──► causes (which row caused which) ──► hosts, clocks (by how much they are off) ──► order (cause first, then time)
     ──► course (critical path) ──► spent (where time went), gaps (what left no record), summary, verdict
"""

from weftline.query.timeline.assemble import assemble
from weftline.query.timeline.model import Entry, GapKind, Kind, ParentBy, Place, Summary, Timeline, Verdict

__all__ = ["Entry", "GapKind", "Kind", "ParentBy", "Place", "Summary", "Timeline", "Verdict", "assemble"]
