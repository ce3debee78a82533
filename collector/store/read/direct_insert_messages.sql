SELECT messages FROM direct_inserts WHERE token = {token:String} LIMIT 1 FORMAT RowBinary
