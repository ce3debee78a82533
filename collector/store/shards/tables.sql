-- What is read and written over all shards, and by what its rows are told to a shard where it is not the transaction.
-- The records of migrations, retention and backfills, and the journal, are each server's own.
SELECT tables.name, tables.sorting_key, tables.name IN (
  SELECT table FROM system.columns WHERE database = '$DATABASE' AND name = 'transaction_id'
) AS has_transaction
FROM system.tables AS tables
WHERE tables.database = '$DATABASE' AND tables.engine != 'MaterializedView'
  AND tables.name NOT IN ('schema_migrations', 'retention_runs', 'backfill_runs', 'direct_inserts') AND NOT match(tables.name, '_staged_[0-9a-f]+$')
ORDER BY tables.name
