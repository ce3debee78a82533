SELECT table, toString(day), views FROM backfill_runs FINAL
