-- As within.sql, of one transaction of which that is known already (few_where.sql).
transaction_id = unhex(%(id)s) AND intDiv(toUnixTimestamp64Nano(time), 900000000000) BETWEEN %(first)s AND %(last)s
