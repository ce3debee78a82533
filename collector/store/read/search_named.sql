SELECT transaction_id FROM aliases WHERE alias_key IN (
  if(match($ID, '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$'),
     concat(substring(lower($ID), 1, 14), '_', substring(lower($ID), 16)), $ID), lower($ID))
UNION ALL
SELECT toFixedString(unhex(if(match($ID, '^[0-9a-fA-F]{32}$'), $ID, '')), 16)
