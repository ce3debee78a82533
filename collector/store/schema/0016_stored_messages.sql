-- Which messages were stored within the last hour, by content: a sender that missed its answer sends the same bytes again.
-- token is that of the insert they went in with; an insert that is repeated must not find itself.
-- A note may be there twice: a server that was killed while it stored one must not take it for stored when it comes again, so
-- of all tables only this one does without a deduplication window.
CREATE TABLE IF NOT EXISTS stored_messages (
  hash FixedString(16) CODEC(NONE),
  token UInt32 CODEC(ZSTD(1)),
  time DateTime('UTC') DEFAULT now() CODEC(Delta, ZSTD(1))
) ENGINE = MergeTree
PARTITION BY toStartOfInterval(time, INTERVAL 10 MINUTE)
ORDER BY hash
TTL time + INTERVAL 1 HOUR
SETTINGS index_granularity = 512, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600, non_replicated_deduplication_window = 0
