SELECT DISTINCT hash
FROM stored_messages
WHERE token != $TOKEN AND hash IN (SELECT toFixedString(unhex(arrayJoin(splitByChar(',', '$HASHES'))), 16))
FORMAT RowBinary
