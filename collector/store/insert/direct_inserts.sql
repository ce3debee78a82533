INSERT INTO direct_inserts (token, signal, hashes, messages) FORMAT RowBinary
