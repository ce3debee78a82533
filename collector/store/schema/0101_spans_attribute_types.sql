-- Which of a span's attributes are no text, and what they are: values are kept as text, numbers as JSON writes them.
ALTER TABLE spans ADD COLUMN IF NOT EXISTS attribute_types Map(LowCardinality(String), Enum8('int' = 1, 'double' = 2, 'bool' = 3)) CODEC(ZSTD(1)) AFTER attributes
