"""The long tail and third parties' plugins, each in a process of its own.

The packages are made for the test (an instrumentor on contrib's real base class, a plugin, and the library they are
for): no installed instrumentor is without a cut of ours.
"""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from support.otlp_sink import OtlpSink
from support.programs import Programs

pytestmark = pytest.mark.socket

LIBRARY = """
    def brew(kind):
        return f"a cup of {kind}"
"""
INSTRUMENTOR = """
    print("instrumentor imported", flush=True)
    import teapot
    from opentelemetry import trace
    from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

    class TeapotInstrumentor(BaseInstrumentor):
        def instrumentation_dependencies(self):
            return ["teapot >= 1"]

        def _instrument(self, **options):
            original, tracer = teapot.brew, trace.get_tracer("teapot-instrumentation")
            def brew(kind):
                with tracer.start_as_current_span("brew"):
                    return original(kind)
            teapot.brew = brew
            self.original = original

        def _uninstrument(self, **options):
            teapot.brew = self.original
"""
PLUGIN = """
    from weftline.agent.pointcut import Advice, Pointcut

    def enter(kind):
        print("woven", kind, flush=True)

    BREW = Advice(enter)
    POINTCUTS = [Pointcut("teapot", "brew", "teapot_plugin:BREW", ("kind",), "observe", versions="teapot>=1")]
"""
PROGRAM = """
    import sys
    import weftline.agent
    print("before", "teapot_instrumentor" in sys.modules, flush=True)
    import teapot
    print(teapot.brew("tea"))
    weftline.agent.stop()
    print("after", teapot.brew.__module__)
    from weftline.agent import counters
    print(sorted(counters.snapshot()))
"""


def install(folder: Path, name: str, source: str, metadata: str = "", entry_points: str = "") -> None:
    """A distribution as pip leaves it."""
    (folder / f"{name}.py").write_text(textwrap.dedent(source))
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n{metadata}\n")
    (info / "RECORD").write_text(f"{name}.py,,\n{name}-1.5.dist-info/METADATA,,\n")
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)


def instrumentor(folder: Path, needs: str = "teapot>=1", source: str = INSTRUMENTOR) -> None:
    install(
        folder,
        "teapot_instrumentor",
        source,
        f'Provides-Extra: instruments\nRequires-Dist: {needs}; extra == "instruments"',
        "[opentelemetry_instrumentor]\nteapot = teapot_instrumentor:TeapotInstrumentor\n",
    )


def plugin(folder: Path, target: str = "teapot_plugin") -> None:
    install(folder, "teapot_plugin", PLUGIN, "", f"[weftline.plugins]\nteapot = {target}\n")


@pytest.fixture
def run(tmp_path: Path, sink: OtlpSink) -> Any:
    install(tmp_path, "teapot", LIBRARY)
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))

    def run(**environ: str) -> list[str]:
        with Programs(tmp_path, sink) as programs:
            return programs.run("python", "program.py", **environ).splitlines()

    return run


def test_an_instrumentor_is_loaded_when_its_library_is(tmp_path: Path, sink: OtlpSink, run: Any) -> None:
    instrumentor(tmp_path)
    said = run()
    assert said[:4] == ["before False", "instrumentor imported", "a cup of tea", "after teapot"]
    assert "('instrumented', 'teapot')" in said[4]
    (span,) = sink.spans()
    assert (span["name"], span["scope"][0], span["service"]) == ("brew", "teapot-instrumentation", "shop")


@pytest.mark.parametrize("disabled", ["teapot", "*"])
def test_a_disabled_one_is_not(tmp_path: Path, sink: OtlpSink, run: Any, disabled: str) -> None:
    instrumentor(tmp_path)
    assert run(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled)[:3] == ["before False", "a cup of tea", "after teapot"]
    assert sink.spans() == []


def test_one_for_other_versions_is_not_and_is_counted(tmp_path: Path, sink: OtlpSink, run: Any) -> None:
    instrumentor(tmp_path, "teapot>=2")
    said = run()
    assert said[:3] == ["before False", "a cup of tea", "after teapot"]
    assert "('refused', 'teapot: DependencyConflict: requested: " in said[3] or "('refused', 'teapot: " in said[3]
    assert sink.spans() == []


def test_one_that_fails_changes_nothing(tmp_path: Path, sink: OtlpSink, run: Any) -> None:
    instrumentor(tmp_path, source="raise ImportError('broken')")
    said = run()
    assert "a cup of tea" in said
    assert "('refused', 'teapot: instrumentor failed')" in said[-1]


def test_a_third_partys_plugin_is_woven_and_comes_before_an_instrumentor(
    tmp_path: Path, sink: OtlpSink, run: Any
) -> None:
    plugin(tmp_path)
    instrumentor(tmp_path)
    said = run()
    assert said[:4] == ["before False", "woven tea", "a cup of tea", "after teapot"]
    assert "('woven', 'teapot:brew')" in said[4]
    assert sink.spans() == []


def test_a_third_partys_plugin_can_be_disabled(tmp_path: Path, run: Any) -> None:
    plugin(tmp_path)
    assert run(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="teapot")[:2] == ["before False", "a cup of tea"]


@pytest.mark.parametrize("target", ["no_such_module", "teapot_plugin:PLUGIN", "teapot_plugin:enter"])
def test_a_plugin_that_cant_be_loaded_is_counted(tmp_path: Path, run: Any, target: str) -> None:
    plugin(tmp_path, target)
    said = run()
    assert "a cup of tea" in said
    assert "('refused', 'teapot: plugin failed to load')" in said[-1]
