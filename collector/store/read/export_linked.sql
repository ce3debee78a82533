-- What also belongs to transactions: records that have nothing but their x-request-id, traces that began behind a service
-- that passed on x-transaction-id only.
SELECT DISTINCT lower(hex(id)) FROM (
  SELECT request_transaction_id AS id FROM request_ids
  WHERE transaction_id IN (SELECT toFixedString(unhex(arrayJoin(CAST(%(ids)s AS Array(String)))), 16))
  UNION ALL
  SELECT trace_id AS id FROM access_logs
  WHERE transaction_id IN (SELECT toFixedString(unhex(arrayJoin(CAST(%(ids)s AS Array(String)))), 16))
    AND trace_id != toFixedString('', 16)
)
