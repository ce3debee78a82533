-- The rest of the condition in search_row.sql.
    OR intDiv(toUnixTimestamp64Nano(time), 900000000000) BETWEEN intDiv(%(until)s, 900000000000) AND intDiv(%(later)s, 900000000000)
    AND time BETWEEN fromUnixTimestamp64Nano(%(until)s) AND fromUnixTimestamp64Nano(%(later)s)
    AND transaction_id $OF
