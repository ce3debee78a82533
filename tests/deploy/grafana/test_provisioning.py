"""What Grafana is given: files it can read, about series and addresses that are there."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.collector import metrics
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARDS = sorted(GRAFANA.glob("dashboards/*.json"))
SERIES = {
    series: {*it._labelnames, *more}
    for it in vars(metrics).values()
    if isinstance(it, Counter | Histogram)
    for series, more in (
        [(f"{it._name}_total", set())]
        if isinstance(it, Counter)
        else [(f"{it._name}_bucket", {"le"}), (f"{it._name}_count", set()), (f"{it._name}_sum", set())]
    )
}


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def data_source(dashboard: dict[str, Any]) -> tuple[str, str]:
    """Name of its variable, and type."""
    (variable,) = [it for it in dashboard["templating"]["list"] if it["type"] == "datasource"]
    return variable["name"], variable["query"]


METRICS = [path for path in DASHBOARDS if data_source(read(path))[1] == "prometheus"]


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_data_source_is_jaegers_at_an_address_that_is_ours() -> None:
    document = yaml.safe_load((GRAFANA / "provisioning/datasources/weftline.yaml").read_text(encoding="utf-8"))
    assert document["apiVersion"] == 1
    (source,) = document["datasources"]
    assert (source["type"], source["access"], source["url"]) == ("jaeger", "proxy", "$WEFTLINE_URL")
    # What the plugin's "Save & test" asks of that address.
    app = create_app(RowsReader(), RowsSearcher(), QuerySettings())
    assert call(app, "/api/services").json()["errors"] is None


def test_every_span_leads_to_the_logs_of_its_trace() -> None:
    """Grafana shows no link where a variable of the query has no value, and none without a query where no tag fits."""
    document = yaml.safe_load((GRAFANA / "provisioning/datasources/weftline.yaml").read_text(encoding="utf-8"))
    link = document["datasources"][0]["jsonData"]["tracesToLogsV2"]
    assert link["customQuery"] is True
    # Grafana fills in its environment first, and $$ stands for a dollar sign.
    assert "$" not in re.sub(r"\$\$", "", link["query"])
    query = link["query"].replace("$$", "$")
    assert set(re.findall(r"\$\{(.*?)\}", query)) == {"__span.traceId"}
    assert query.startswith('{service_name=~".+"} | ')
    for name in ("spanStartTimeShift", "spanEndTimeShift"):
        assert re.fullmatch(r"-?\d+(ms|s|m|h)", link[name])


def test_the_dashboards_are_loaded_from_a_folder() -> None:
    document = yaml.safe_load((GRAFANA / "provisioning/dashboards/weftline.yaml").read_text(encoding="utf-8"))
    (provider,) = document["providers"]
    assert (document["apiVersion"], provider["type"]) == (1, "file")
    assert provider["options"]["path"].startswith("/")
    assert DASHBOARDS


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_series_and_labels_that_exist(path: Path) -> None:
    for expression in expressions(read(path)):
        names = set(re.findall(r"weftline_\w+", expression))
        assert names, expression
        assert names <= SERIES.keys(), expression
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression))
        labels |= {it.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for it in group.split(",")}
        assert labels <= set.intersection(*(SERIES[name] for name in names)), expression
        assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboards_panels_have_their_place_and_a_data_source_one_can_choose(path: Path) -> None:
    dashboard = read(path)
    assert dashboard["uid"]
    variable, plugin = data_source(dashboard)
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        sources = [panel["datasource"], *(it["datasource"] for it in panel["targets"])]
        assert all(it == {"type": plugin, "uid": f"${{{variable}}}"} for it in sources)
        assert len({it["refId"] for it in panel["targets"]}) == len(panel["targets"])
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_variables_that_are_asked_with_exist_and_have_a_value(path: Path) -> None:
    dashboard = read(path)
    variables = {it["name"]: it["current"] for it in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps([it["targets"] for it in dashboard["panels"]])))
    assert used <= variables.keys()
    assert all(variables[name] for name in used if name != "prometheus")


@pytest.mark.parametrize("path", METRICS, ids=lambda path: path.stem)
def test_legends_name_labels_that_are_left(path: Path) -> None:
    for panel in read(path)["panels"]:
        for target in panel["targets"]:
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            left = {it.strip() for group in grouped for it in group.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= left
