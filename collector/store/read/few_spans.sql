-- A part of one look-up, see store/few.py. $OF says which ids: `= unhex(…)`, or those of related transactions.
SELECT 'span' AS line_of, $SPAN_LINE
FROM spans
PREWHERE $WITHIN
LIMIT %(most)s
