SELECT name FROM system.columns WHERE database = currentDatabase() AND table = %(table)s AND default_kind != 'MATERIALIZED' ORDER BY position
