-- A note may be there twice. A server that was killed while it stored one must not take it for stored when it comes again:
-- of all tables only this one can do without.
ALTER TABLE stored_messages MODIFY SETTING non_replicated_deduplication_window = 0
