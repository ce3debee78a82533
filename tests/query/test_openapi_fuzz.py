"""The API against its own description, asked by schemathesis: no 5xx, and only what is described. A real ClickHouse.

What is asked is the same in every run, so a failure is one of what has changed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.otlp import access_log, log, logs_request, span, spans_request
from support.rows import RowsReader, RowsSearcher
from support.server import serve
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_searcher import ClickHouseSearcher
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.clickhouse import ClickHouse
from weftline.query.access.asking import current_asker
from weftline.query.app import create_app
from weftline.query.routes.following import Followers
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
EXAMPLES = 12
"""Requests to each route: all of them take less than a minute."""
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
EXCUSED = {
    # Jaeger's answer is 500 where there is no archive, and so is ours.
    ("/api/archive/{trace_id}", not_a_server_error),
    # The description has the stream as text; schemathesis holds each of its events against that.
    ("/api/v1/search/follow", response_schema_conformance),
}
DESCRIPTION = create_app(RowsReader(), RowsSearcher(), QuerySettings()).openapi()
for _path in DESCRIPTION["paths"].values():
    for _operation in _path.values():
        _operation["responses"].pop("default", None)  # which would allow any
ROUTES = sorted((path, method) for path, them in DESCRIPTION["paths"].items() for method in them)


@pytest.fixture(scope="module")
def url(clickhouse: ClickHouse) -> Iterator[str]:
    """The service over a store with a row of every kind."""
    store = ClickHouseSettings(http_port=clickhouse.http_port, tcp_port=clickhouse.tcp_port, database="fuzzed_api")
    migrate(store)
    with ExitStack() as stack:
        writer = stack.enter_context(closing(ClickHouseWriter(store)))
        writer.insert(Signal.SPANS, [spans_request(span(TX, "00000000000000a1"))], "spans")
        lines = [
            log(TX, "00000000000000a1", "declined"),
            access_log(TX, "00000000000000a2", response_code="503", response_flags="UO"),
        ]
        writer.insert(Signal.LOGS, [logs_request(*lines)], "logs")
        reader = stack.enter_context(closing(ClickHouseReader(store, current_asker)))
        searcher = stack.enter_context(closing(ClickHouseSearcher(store, current_asker)))
        # What is followed would go on for longer than anybody waits here.
        soon = Followers(poll_seconds=0.01, longest_seconds=0.05)
        settings = QuerySettings(search_seconds=2.0)
        yield stack.enter_context(serve(create_app(reader, searcher, settings, followers=soon)))


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_it_answers_as_described(url: str, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_dict(DESCRIPTION)[path][method.upper()]

    checks = [check for check in CHECKS if (path, check) not in EXCUSED]

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=url, checks=checks, timeout=60)

    ask()
