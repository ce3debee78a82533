"""The tables of the README, rendered from what they describe. `python tests/support/tables.py` puts them into README.md."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from weftline.agent import plugins
from weftline.agent.env import variables
from weftline.agent.settings import Settings as AgentSettings
from weftline.collector import metrics
from weftline.collector.settings import (
    AccessSettings,
    ClickHouseSettings,
    EdgeSettings,
    IngestSettings,
    KafkaSettings,
    RetentionSettings,
    ScrapeSettings,
)
from weftline.query.settings import QuerySettings

README = Path(__file__).parents[2] / "README.md"
SETTINGS = {
    "Agent (in the observed program)": AgentSettings,
    "Access (edge and query)": AccessSettings,
    "Edge": EdgeSettings,
    "Ingest": IngestSettings,
    "Kafka (edge and ingest; unset: direct)": KafkaSettings,
    "Scrape (`weftline mesh scrape`)": ScrapeSettings,
    "ClickHouse (all but the agent)": ClickHouseSettings,
    "Retention (`weftline retain`, ingest; direct: the edge)": RetentionSettings,
    "Query": QuerySettings,
}

LIBRARIES = {
    "servers": {
        "gunicorn (its ASGI worker too)": "gunicorn",
        "uvicorn (WebSockets too)": "uvicorn",
        "Flask": "flask",
        "werkzeug": "werkzeug",
        "Django": "django",
        "Starlette": "starlette",
        "FastAPI": "fastapi",
        "aiohttp": "aiohttp",
        "tornado": "tornado",
        "gRPC (sync and aio)": "grpcio",
        "wsgiref": "",
    },
    "clients": {
        "requests": "requests",
        "httpx": "httpx",
        "urllib3": "urllib3",
        "aiohttp": "aiohttp",
        "tornado": "tornado",
        "gRPC (sync and aio)": "grpcio",
        "http.client": "",
    },
    "data": {
        "SQLAlchemy": "sqlalchemy",
        "psycopg": "psycopg",
        "psycopg2": "psycopg2",
        "asyncpg": "asyncpg",
        "PyMySQL": "pymysql",
        "redis": "redis",
        "pymongo": "pymongo",
        "clickhouse-driver": "clickhouse-driver",
        "clickhouse-connect": "clickhouse-connect",
        "sqlite3; statements without their literals": "",
    },
    "messages": {
        "kafka-python": "kafka-python",
        "aiokafka": "aiokafka",
        "confluent-kafka": "confluent-kafka",
        "Celery": "celery",
        "kombu": "kombu",
    },
    "logs": {"structlog": "structlog", "loguru": "loguru", "logging": ""},
    "context": {
        "gevent": "gevent",
        "opentelemetry-api": "opentelemetry-api",
        "threads, executors, multiprocessing, fork, gunicorn's and uvicorn's workers": "",
    },
}
"""What the README says is instrumented: as it is called there, and as pointcuts name the library; no name for what
comes with Python."""


def settings_table() -> str:
    return "\n".join(_settings_lines())


def _settings_lines() -> Iterator[str]:
    yield "| variable | default | |"
    yield "|---|---|---|"
    for title, cls in SETTINGS.items():
        yield f"| **{title}** | | |"
        for it in variables(cls):
            default = f"`{it.default}`" if it.default else ""
            yield f"| `{it.name}` | {default} | {it.help.rstrip('.')} |"


def metrics_table() -> str:
    lines = ["| metric | labels | |", "|---|---|---|"]
    for it in vars(metrics).values():
        if isinstance(it, Counter | Gauge | Histogram):
            name = it._name + ("_total" if isinstance(it, Counter) else "")
            lines.append(f"| `{name}` | {', '.join(it._labelnames)} | {it._documentation} |")
    return "\n".join(lines)


def libraries_table() -> str:
    floors = claims()
    lines = ["| | from this version on |", "|---|---|"]
    for group, names in LIBRARIES.items():
        shown = (f"{name} {floors[library]}" if library else name for name, library in names.items())
        lines.append(f"| {group} | {', '.join(shown)} |")
    return "\n".join(lines)


def claims() -> dict[str, str]:
    """The oldest version of each library that a pointcut of ours is for."""
    found = {}
    for pointcut in plugins.pointcuts():
        if pointcut.versions and pointcut.advice.startswith("weftline."):
            library, sign, version = pointcut.versions.partition(">=")
            assert sign, f"{pointcut.versions}: a claim names the oldest version only"
            assert found.setdefault(library, version) == version, f"{library} is claimed from two versions on"
    return found


TABLES = {"settings": settings_table, "metrics": metrics_table, "libraries": libraries_table}


def section(name: str, text: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    match = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", text, re.DOTALL)
    assert match, f"README has no <!-- {name} -->"
    return match[1]


def main() -> None:
    text = README.read_text(encoding="utf-8")
    for name, render in TABLES.items():
        text = re.sub(
            rf"(?<=<!-- {name} -->\n).*?(?=\n<!-- /{name} -->)", lambda _, it=render: it(), text, flags=re.DOTALL
        )
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
