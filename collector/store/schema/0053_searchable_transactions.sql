-- What search can say of a transaction as a whole. A transaction that lasted past midnight has two days, and is whole on each.
CREATE VIEW IF NOT EXISTS searchable_transactions AS
SELECT transaction_id, arrayJoin(groupUniqArray(transactions.day)) AS day,
       toUnixTimestamp64Nano(max(last_time)) - toUnixTimestamp64Nano(min(first_time)) AS total_duration,
       sum(transactions.spans) AS spans, sum(transactions.logs) AS logs, uniqMerge(access_log_records) AS access_logs,
       sum(transactions.errors) + uniqMerge(access_log_errors) AS errors,
       argMinMerge(transactions.root) AS root, argMinMerge(transactions.response_code) AS response_code,
       groupUniqArrayArray(transactions.services) AS services
FROM transactions
GROUP BY transaction_id
