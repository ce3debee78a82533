"""Every metric of the collector, served at /metrics in Prometheus' text format.

How they relate stands in `collector/README.md` and is tested. Alert when
`weftline_messages_total{outcome="dead_lettered"}` moves (senders send what can't be stored) or when `later` keeps
moving (the store or Kafka can't keep up). Envoy's gRPC access log streams have no answers: what does not fit is
`weftline_access_logs_total{outcome="dropped"}`, data lost.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series a metric that nobody reads

REQUESTS = Counter(
    "weftline_requests_total",
    "Export requests by signal, protocol and outcome: accepted, refused (the reason says why), later.",
    ("signal", "protocol", "outcome", "reason"),
)
REQUEST_BYTES = Counter(
    "weftline_request_bytes_total", "Bytes of accepted requests, decompressed.", ("signal", "protocol")
)
REJECTED_ITEMS = Counter(
    "weftline_rejected_items_total",
    "Invalid spans left out of accepted requests, and OTLP metrics' data points; senders are told (partial success).",
    ("signal", "protocol"),
)
ACCESS_LOGS = Counter(
    "weftline_access_logs_total",
    "Access logs of gRPC streams, files and log shippers, by outcome: accepted, refused (bad data), dropped (lost).",
    ("protocol", "outcome", "reason"),
)
MESSAGES = Counter(
    "weftline_messages_total",
    "Messages that left the bus by outcome: stored, duplicate (sent again, stored before), refused (direct mode: the "
    "sender was told), dead_lettered.",
    ("signal", "outcome"),
)
INSERT_SECONDS = Histogram(
    "weftline_insert_seconds",
    "Seconds an insert took, by signal; failed ones too.",
    ("signal",),
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
NATIVE_BATCHES = Counter(
    "weftline_native_batches_total",
    "Inserts of spans where numba is installed, by outcome: encoded (here), left_to_clickhouse (something in them is "
    "unusual or invalid, so ClickHouse decodes them; slower, and the same rows).",
    ("outcome",),
)
INSERT_RETRIES = Counter("weftline_insert_retries_total", "Inserts that ClickHouse could not take yet.", ("signal",))
BATCH_MESSAGES = Histogram(
    "weftline_batch_messages",
    "Messages that ingest stored with one insert, by signal.",
    ("signal",),
    buckets=(1, 10, 100, 1_000, 10_000),
)
LAG = Gauge(
    "weftline_lag_messages",
    "Messages that are in Kafka and not yet stored, of the partitions that this ingest has read from.",
    ("topic", "partition"),
)
SCRAPES = Counter(
    "weftline_scrapes_total",
    "Looks at proxies' stats by outcome: stored, away (the proxy didn't answer), useless (none of the stats wanted).",
    ("outcome",),
)
