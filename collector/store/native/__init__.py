"""Spans out of OTLP's protobuf into ClickHouse's Native format, as machine code: the fast way of `ClickHouseWriter`.

    messages ─► walk ─► rows ─► span, attributes, values ─► columns, dictionaries ─► block ─► INSERT … FORMAT Native

The rows are those of `insert/otlp_spans.sql`, to the last byte. Whatever the walk does not know for certain (anything
unusual, unknown or wrong) it leaves to that statement, the whole batch, before anything is inserted: so what is an
error is decided in one place only. Needs numba (`weftline[native]`), which compiles these modules at start-up.
"""
