SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = '$STAGED' AND partition = '$DAY'
