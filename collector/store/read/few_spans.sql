-- A part of the rest of a look-up, see store/few.py: $OF says whether of one transaction or of those related to it.
SELECT 'span' AS line_of, $SPAN_LINE
FROM spans
PREWHERE $WITHIN
LIMIT %(most)s
