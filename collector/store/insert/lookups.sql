INSERT INTO lookups (time, who, tenant, peer, forwarded_for, protocol, method, path, query, status, rows, duration) VALUES
