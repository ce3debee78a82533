-- Rows of some transactions; a part of the export's queries.
transaction_id IN (SELECT toFixedString(unhex(arrayJoin(CAST(%(ids)s AS Array(String)))), 16))
