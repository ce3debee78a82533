SELECT name, kind FROM operations WHERE service = %(service)s GROUP BY name, kind ORDER BY name, kind LIMIT 10000
