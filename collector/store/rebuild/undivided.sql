SELECT name FROM system.tables WHERE database = currentDatabase() AND partition_key = ''
