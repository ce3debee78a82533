-- Direct mode's journal: what an edge is about to insert, as it came, until it is in. An edge that is killed in between leaves
-- it here, and any edge brings it to its end under its token. A group is a partition of its own: dropping it costs nothing,
-- and nothing is ever merged. It is read again only after a crash, so it is not compressed.
CREATE TABLE IF NOT EXISTS direct_inserts (
  token String,
  signal LowCardinality(String),
  tenant String COMMENT 'whose rows they make',
  time DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'of two edges that have the same message the earlier one stores it',
  hashes Array(FixedString(16)) CODEC(NONE),
  messages Array(String) CODEC(NONE)
) ENGINE = MergeTree
PARTITION BY token
ORDER BY tuple()
SETTINGS min_bytes_for_wide_part = 1073741824, old_parts_lifetime = 1
