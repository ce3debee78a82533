"""The timeline of one transaction: rows in, entries in causal order out. Pure: no I/O, no clock, no settings.

rows ──► causes (which row caused which) ──► order (cause first, then time) ──► summary, verdict (who failed, why)
"""

from weftline.query.timeline.assemble import assemble
from weftline.query.timeline.model import Entry, Kind, ParentBy, Summary, Timeline, Verdict

__all__ = ["Entry", "Kind", "ParentBy", "Summary", "Timeline", "Verdict", "assemble"]
