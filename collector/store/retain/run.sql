INSERT INTO retention_runs (table, day, rule, rows) VALUES
