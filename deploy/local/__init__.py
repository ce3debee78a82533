"""The stack behind `weftline up`: real ClickHouse, Kafka and Envoy, and our own processes, as supervised children."""
