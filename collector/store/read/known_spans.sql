-- Ids as numbers: the driver reads an id of zeros as empty where a part keeps the column sparse.
-- What is stored of the spans that are about to be imported: `ids` is sent along. Times (ns) bound the partitions.
SELECT reinterpretAsUInt128(transaction_id), reinterpretAsUInt64(span_id), toInt8(kind), service
FROM spans
WHERE transaction_id IN (SELECT id FROM ids)
  AND $FROM_TO AND spans.time >= fromUnixTimestamp64Nano(%(since)s) AND spans.time <= fromUnixTimestamp64Nano(%(until)s)
