-- The rows that a view makes of some days' rows; the setting additional_table_filters says of which.
INSERT INTO $TARGET ($COLUMNS) SELECT $VALUES FROM ($SELECT)
