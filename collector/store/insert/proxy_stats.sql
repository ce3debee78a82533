INSERT INTO proxy_stats (time, since, node_id, service, target, stat, scope, worker, value, increase, tenant) VALUES
