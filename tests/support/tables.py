"""The tables of the README, rendered from what they describe. `python tests/support/tables.py` puts them into README.md."""

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Counter, Histogram

from weftline.agent.env import variables
from weftline.agent.settings import Settings as AgentSettings
from weftline.collector import metrics
from weftline.collector.settings import (
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
    "Edge": EdgeSettings,
    "Ingest": IngestSettings,
    "Kafka (edge and ingest; unset: direct)": KafkaSettings,
    "Scrape (`weftline mesh scrape`)": ScrapeSettings,
    "ClickHouse (all but the agent)": ClickHouseSettings,
    "Retention (`weftline retain`, ingest; direct: the edge)": RetentionSettings,
    "Query": QuerySettings,
}


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
        if isinstance(it, Counter | Histogram):
            name = it._name + ("_total" if isinstance(it, Counter) else "")
            lines.append(f"| `{name}` | {', '.join(it._labelnames)} | {it._documentation} |")
    return "\n".join(lines)


TABLES = {"settings": settings_table, "metrics": metrics_table}


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
