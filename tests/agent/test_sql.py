"""Masked statements and their summaries."""

import random
import time

import pytest

from weftline.agent import sql


@pytest.mark.parametrize(
    ("system", "text", "masked"),
    [
        ("postgresql", "SELECT * FROM songs WHERE id = 5 AND name = 'x''y'", "SELECT * FROM songs WHERE id = ? AND name = ?"),
        ("postgresql", "SELECT E'it\\'s', $$a 'b' $$, $t$ x $$ y $t$, U&'x', B'01', x'FF'", "SELECT ?, ?, ?, ?, ?, ?"),
        ("postgresql", "SELECT 'C:\\', 'secret'", "SELECT ?, ?"),
        ("postgresql", "SELECT $1, %s, %(name)s, :name, a::text, ?", "SELECT $1, %s, %(name)s, :name, a::text, ?"),
        ("postgresql", "SELECT -1.5e-10, 0xFF, .5, 1_000, t1.c2, int4", "SELECT -?, ?, ?, ?, t1.c2, int4"),
        ("postgresql", 'SELECT "it\'s", "a""b" FROM t WHERE x = \'s\'', 'SELECT "it\'s", "a""b" FROM t WHERE x = ?'),
        ("postgresql", "/* a /* secret */ 5 */ SELECT 1 -- secret\n FROM t", "SELECT ?  \n FROM t"),
        ("postgresql", "SELECT a #> '{b}' FROM t", "SELECT a #> ? FROM t"),
        ("postgresql", "SELECT 'never closed secret", "SELECT ?"),
        ("postgresql", 'SELECT "never closed secret', "SELECT ?"),
        ("postgresql", "SELECT 1 /* never closed secret", "SELECT ?"),
        ("postgresql", "WHERE id IN (1, 2, 3) AND n IN (%s, %s) AND m in ($1,$2)", "WHERE id IN (?) AND n IN (?) AND m in (?)"),
        ("postgresql", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?, ?)"),
        ("postgresql", "ALTER USER bob PASSWORD 'secret'", "ALTER USER bob PASSWORD ?"),
        ("mysql", "SELECT 'it\\'s secret', \"secret\", `a` # secret\nFROM t", "SELECT ?, ?, `a`  \nFROM t"),
        ("mariadb", "SET PASSWORD FOR 'bob' = PASSWORD(\"secret\")", "SET PASSWORD FOR ? = PASSWORD(?)"),
        ("clickhouse", 'INSERT INTO t FORMAT JSONEachRow {"a": "secret"}', "INSERT INTO t FORMAT JSONEachRow ?"),
        ("clickhouse", "SELECT {id:UInt32}, 'it\\'s secret', \"a\"", "SELECT {id:UInt32}, ?, \"a\""),
        ("sqlite", "SELECT ?1, :a, @b, 'secret'", "SELECT ?1, :a, @b, ?"),
    ],
)  # fmt: skip
def test_masked(system: str, text: str, masked: str) -> None:
    assert sql.read(text, system).text == masked


@pytest.mark.parametrize(
    ("text", "summary", "operation", "collection"),
    [
        ("select * from songs", "select songs", "select", "songs"),
        ('SELECT * FROM "My Songs" s, public.artists a', "SELECT My Songs public.artists", "SELECT", ""),
        ("SELECT a, (SELECT 1 FROM b) FROM c JOIN d USING (id), e", "SELECT SELECT b c d", "SELECT", ""),
        ("SELECT extract(year FROM ts) FROM a WHERE b IS DISTINCT FROM c", "SELECT a", "SELECT", "a"),
        ("SELECT * FROM generate_series(1, 2)", "SELECT", "SELECT", ""),
        ("SELECT * FROM a FOR UPDATE", "SELECT a", "SELECT", "a"),
        ("WITH r AS (SELECT 1 FROM base) SELECT * FROM r", "SELECT base SELECT", "SELECT", "base"),
        ("INSERT INTO shipping SELECT * FROM orders", "INSERT shipping SELECT orders", "", ""),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", "INSERT t", "INSERT", "t"),
        ("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "INSERT t", "INSERT", "t"),
        ("UPDATE ONLY t SET a = 1", "UPDATE t", "UPDATE", "t"),
        ("DELETE FROM t WHERE a = 1", "DELETE t", "DELETE", "t"),
        ("MERGE INTO t USING s ON a = b WHEN MATCHED THEN UPDATE SET x = 1", "MERGE t", "MERGE", "t"),
        ("CREATE TABLE IF NOT EXISTS t (a int REFERENCES u ON DELETE CASCADE)", "CREATE TABLE t", "CREATE TABLE", "t"),
        ("CREATE UNIQUE INDEX i ON t (a)", "CREATE INDEX i", "CREATE INDEX", "i"),
        ("DROP TABLE a; DROP TABLE b", "DROP TABLE a DROP TABLE b", "DROP TABLE", ""),
        ("TRUNCATE TABLE t", "TRUNCATE t", "TRUNCATE", "t"),
        ("COPY t (a) FROM STDIN", "COPY t", "COPY", "t"),
        ("CALL proc(1)", "CALL proc", "CALL", "proc"),
        ("COMMIT", "COMMIT", "COMMIT", ""),
        (";", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_summaries(text: str, summary: str, operation: str, collection: str) -> None:
    found = sql.read(text, "postgresql")
    assert (found.summary, found.operation, found.collection) == (summary, operation, collection)


def test_a_summary_is_cut_between_words() -> None:
    summary = sql.read("SELECT * FROM " + ", ".join(f"table_{n}" for n in range(100)), "postgresql").summary
    assert len(summary) <= 255
    assert summary.split()[-1].startswith("table_")


@pytest.mark.parametrize("system", ["postgresql", "mysql", "clickhouse", "sqlite"])
def test_nothing_takes_long_and_nothing_raises(system: str) -> None:
    hostile = ["'", '"', "`", "/*", "$a$", "$$", "(", "IN (?,", "(?,?),", "--", "#", "\\", " ", "1.e", "a.", "INSERT FORMAT ", "\x00é"]  # fmt: skip
    started = time.process_time()
    for part in hostile:
        sql.read(part * 20_000, system)
    for seed in range(100):
        sql.read("".join(random.Random(seed).choices([*hostile, "SELECT", " FROM ", "x", ";"], k=200)), system)
    assert time.process_time() - started < 5


def test_only_so_much_is_looked_at_and_kept() -> None:
    assert len(sql.read("SELECT a, " * 10_000, "postgresql").text) <= sql.MAX_TEXT
    for number in range(300):
        sql.read(f"SELECT c{number} FROM t " + "x" * 10_000, "postgresql")
    assert sum(len(text) for _, text in sql._known) < 2 * sql._CACHE_TEXT
