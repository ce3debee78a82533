"""Others that trace. ddtrace, New Relic and Sentry can't be had here: their marks are simulated, as their code sets
them (ddtrace: `_datadog_patch` on the module; New Relic: its table of import hooks; Sentry: its client)."""

import types
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation

from weftline.agent import context, counters, foreign, serve
from weftline.agent.propagate import Incoming
from weftline.agent.record import Span


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    def module(name: str, **content: Any) -> None:
        made = types.ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(__import__("sys").modules, name, made)

    monkeypatch.setattr(foreign, "_counted", set())
    monkeypatch.setattr(foreign, "_alone_among", -1)
    return module


def skipped() -> list[str]:
    return [reason for name, reason in counters.snapshot() if name == "skipped"]


def test_ddtrace(module: Any) -> None:
    module("ddtrace")
    module("teapot", _datadog_patch=True)
    module("kettle")
    assert [foreign.instruments(name, "") for name in ("teapot", "teapot", "kettle", "absent")] == [
        True,
        True,
        False,
        False,
    ]
    module("aiohttp", _datadog_patch=True)
    assert foreign.instruments("aiohttp_client", "")
    assert skipped() == ["teapot: ddtrace", "aiohttp_client: ddtrace"]


def test_one_imported_later_is_seen(module: Any) -> None:
    module("teapot", _datadog_patch=True)
    assert not foreign.instruments("teapot", "")
    assert not foreign.instruments("teapot", "")
    module("ddtrace")
    assert foreign.instruments("teapot", "")


def test_new_relic(module: Any) -> None:
    module("newrelic")
    hooks = {
        ("teapot.app", "newrelic.hooks.teapot", "instrument"): "",
        ("kettle", "newrelic.hooks.kettle", "instrument"): "Traceback …",
    }
    module("newrelic.config", _module_import_hook_results=hooks)
    assert [foreign.instruments(name, "") for name in ("teapot", "kettle")] == [True, False]
    assert skipped() == ["teapot: newrelic"]


@pytest.mark.parametrize(("options", "expected"), [({}, False), ({"traces_sample_rate": 0.1}, True)])
def test_sentry_only_when_it_traces(module: Any, options: dict[str, Any], expected: bool) -> None:
    client = types.SimpleNamespace(options=options, get_integration=lambda name: object() if name == "teapot" else None)
    module("sentry_sdk", get_client=lambda: client)
    assert [foreign.instruments(name, "") for name in ("teapot", "kettle")] == [expected, False]
    assert skipped() == (["teapot: sentry_sdk"] if expected else [])


def test_opentelemetrys_switches() -> None:
    assert not foreign.suppressed()
    with suppress_instrumentation():
        assert foreign.suppressed()
    with suppress_http_instrumentation():
        assert foreign.suppressed()
    assert not foreign.suppressed()


def test_a_request_taken_back_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Span] = []
    monkeypatch.setattr("weftline.agent.export.emit_span", sent.append)
    request = serve.begin(Incoming(), "test", lambda _, attributes: "GET", None)
    foreign.withdraw(request)
    assert context.transaction() is None
    request.span.set_attribute("a", 1)
    request.span.end()
    assert sent == []
    assert serve.response_id(request) == ""
