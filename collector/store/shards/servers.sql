-- Every server of a cluster, by shard; the order is that of the configuration.
SELECT cluster, shard_num, host_name, port FROM system.clusters ORDER BY cluster, shard_num, replica_num
