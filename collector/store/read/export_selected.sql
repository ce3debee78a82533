-- Rows of some transactions; a part of the export's queries.
$WITHIN
