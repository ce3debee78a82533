-- As within.sql: the quarter hours of a window, for the primary key. Which of their rows lie in the window, the query says itself.
intDiv(toUnixTimestamp64Nano(time), 900000000000) BETWEEN intDiv(%(since)s, 900000000000) AND intDiv(%(until)s, 900000000000)
