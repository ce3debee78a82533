INSERT INTO direct_inserts (token, signal, tenant, hashes, messages) FORMAT RowBinary
