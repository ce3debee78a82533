-- Groups that were begun and not ended, oldest first. Numbers as text: JSON has none of 64 bits.
SELECT token, signal, tenant, toString(toUnixTimestamp64Micro(time)), toString(toUnixTimestamp64Micro(now64(6))), arrayMap(it -> lower(hex(it)), hashes)
FROM direct_inserts
ORDER BY time, token
FORMAT JSONCompactEachRow
