INSERT INTO stored_messages (hash, token) FORMAT RowBinary
