SELECT service FROM services GROUP BY service ORDER BY service LIMIT 10000
