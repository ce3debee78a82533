INSERT INTO backfill_runs (table, day, views, rows) VALUES
