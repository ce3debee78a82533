"""The query service's options; `weftline.agent.env` reads them from the environment."""

from dataclasses import dataclass
from typing import ClassVar

from weftline.agent.env import option


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """The process that answers look-ups."""

    PREFIX: ClassVar[str] = "WEFTLINE_QUERY_"

    host: str = option("127.0.0.1", "Address to listen on.")
    port: int = option(16686, "Port of the API, /health and Jaeger's API; 0 takes a free one.")
    grpc_port: int = option(16685, "Port of Jaeger's gRPC API; 0 takes a free one.")
    search_seconds: float = option(10.0, "Seconds a search may take; one that needs more says how far it came.")
    max_traces: int = option(1500, "Traces in one answer of Jaeger's APIs.")
    jaeger_ui: str = option("", "Folder of a built Jaeger UI to serve instead of the own one.")
    jaeger_ui_config: str = option("", "Jaeger UI's configuration, a .json or .js file; empty: what fits weftline.")
    jaeger_proxy_spans: bool = option(
        True,
        "Show proxies' records and log lines in Jaeger's APIs: as spans where none was recorded, else in the spans.",
    )
    jaeger_max_clock_skew: float = option(
        3600.0,
        "Seconds by which Jaeger's APIs move spans whose host's clock is off; each says so. 0, as Jaeger has it: none.",
    )
    base_path: str = option("", "Path the service lives under behind a proxy, such as /weftline.")
    ui: str = option("", "Folder of a built UI to serve instead of the own one.")
    max_rows: int = option(20_000, "Rows of one transaction in an answer; when there are more, the answer says so.")
    max_streamed_rows: int = option(
        200_000, "The same of an answer in lines (`format=ndjson`), which clients needn't hold."
    )
    max_lines: int = option(
        500_000, "Lines of one transaction that one request for its lines looks through; the next goes on behind them."
    )
    cors_allowed_origins: tuple[str, ...] = option(
        (), "Origins of web pages elsewhere that may ask with a token of theirs: https://wiki.example, or *."
    )
    audit_file: str = option("", "File that gets a line of JSON for each look-up: who, for whom, what, how many rows.")
    audit_table: bool = option(False, "Write the same to ClickHouse's table lookups.")

    @property
    def base(self) -> str:
        """`base_path` with a slash at its beginning only; '' for the root."""
        path = self.base_path.strip("/")
        return f"/{path}" if path else ""
