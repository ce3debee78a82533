-- Rows of some services; a part of the export's queries.
has(CAST(%(services)s AS Array(String)), toString(service))
