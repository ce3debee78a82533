-- Every view that derives rows from stored ones, with what it reads; a door (engine Null) keeps none.
SELECT views.name, views.target_table, sources.name, views.as_select, of_views.names
FROM system.tables AS views
INNER JOIN (
  SELECT name, arrayJoin(dependencies_table) AS view FROM system.tables WHERE database = currentDatabase() AND engine != 'Null'
) AS sources ON sources.view = views.name
INNER JOIN (
  SELECT table, groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() GROUP BY table
) AS of_views ON of_views.table = views.name
WHERE views.database = currentDatabase() AND views.engine = 'MaterializedView'
ORDER BY views.name
