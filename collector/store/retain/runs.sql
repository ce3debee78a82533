SELECT table, toString(day), rule, rows FROM retention_runs FINAL
