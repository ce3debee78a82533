"""The import hook: woven before and after the import, loaders put back, other imports untouched."""

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weftline.agent import counters
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.weave import swap, versions
from weftline.agent.weave.loader import Finder

CALLS: list[Any] = []


def note(*args: Any) -> None:
    CALLS.append(args)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `cutlib` on sys.path that notes its loader while it runs."""
    CALLS.clear()
    package = tmp_path / "cutlib"
    package.mkdir()
    package.joinpath("__init__.py").write_text("from cutlib.inner import f\n")
    package.joinpath("inner.py").write_text(
        "LOADER = __loader__, __spec__.loader\n\ndef f(x):\n    return x + 1\n\nclass C:\n    def m(self):\n        return 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    finders = list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] == "cutlib"]:
        del sys.modules[name]


def cuts(*targets: str, **more: Any) -> list[Pointcut]:
    return [Pointcut("cutlib.inner", target, Advice(note), kind="observe", **more) for target in targets]


def test_woven_when_imported(library: Path) -> None:
    Finder(cuts("f")).install()
    module = importlib.import_module("cutlib")
    assert module.f(1) == 2
    assert CALLS == [()]


def test_woven_when_imported_already(library: Path) -> None:
    earlier = importlib.import_module("cutlib").f
    Finder(cuts("f", "C.m")).install()
    assert earlier(1) == 2
    assert sys.modules["cutlib.inner"].C().m() == 2
    assert len(CALLS) == 2


def test_loaders_are_the_modules_own(library: Path) -> None:
    Finder(cuts("f")).install()
    module = importlib.import_module("cutlib.inner")
    kinds = {type(loader).__name__ for loader in (*module.LOADER, module.__loader__, module.__spec__.loader)}
    assert kinds == {"SourceFileLoader"}
    assert importlib.util.find_spec("cutlib.inner").loader is module.__loader__


def test_reload_weaves_the_new_function(library: Path) -> None:
    Finder(cuts("f")).install()
    module = importlib.reload(importlib.import_module("cutlib.inner"))
    assert module.f(1) == 2
    assert len(CALLS) == 1


def test_other_hooks_that_search_again_do_not_recurse(library: Path) -> None:
    class Asks:
        def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
            if name == "cutlib.inner" and not self.asked:
                self.asked = True
                return importlib.util.find_spec(name)
            return None

        asked = False

    sys.meta_path.insert(0, Asks())
    Finder(cuts("f")).install()
    assert importlib.import_module("cutlib").f(1) == 2
    assert len(CALLS) == 1


def test_remove_and_unweave(library: Path) -> None:
    finder = Finder(cuts("f"))
    finder.install()
    function = importlib.import_module("cutlib").f
    finder.remove()
    swap.unweave_all()
    assert finder not in sys.meta_path
    function(1)
    assert CALLS == []


def test_what_can_not_be_woven_is_counted_and_imports_all_the_same(library: Path) -> None:
    broken = Pointcut("cutlib.inner", "f", "weftline.agent.nowhere:ADVICE", kind="observe")
    Finder([*cuts("gone", "LOADER"), broken]).install()
    assert importlib.import_module("cutlib").f(1) == 2
    assert counters.snapshot() == {
        ("refused", "cutlib.inner:gone: not there"): 1,
        ("refused", "cutlib.inner:LOADER: not a function but a tuple"): 1,
        ("refused", "cutlib.inner:f: failed"): 1,
    }


def test_a_version_out_of_range_is_left_alone(library: Path) -> None:
    Finder(cuts("f", versions="pytest<1")).install()
    importlib.import_module("cutlib").f(1)
    assert CALLS == []
    ((_, reason),) = counters.snapshot()
    assert reason.endswith("is outside pytest<1")


@pytest.mark.parametrize(
    ("conditions", "version", "allowed"),
    [
        (">=2.20", "2.34.2", True),
        (">=2.20", "2.9", False),
        (">=2.20,<3", "3.0.0", False),
        ("<3", "3.0rc1", False),
        ("==1.2", "1.2.0", True),
        ("!=1.2", "1.2.0", False),
        (">1", "1.0.1", True),
        ("", "5", True),
    ],
)
def test_versions(conditions: str, version: str, allowed: bool) -> None:
    assert versions.allows(conditions, version) is allowed


def test_decorated_targets_are_woven_underneath(library: Path) -> None:
    library.joinpath("cutlib", "inner.py").write_text(
        textwrap.dedent(
            """
            import functools
            def deco(f):
                @functools.wraps(f)
                def wrapper(*args, **kwargs):
                    return f(*args, **kwargs)
                return wrapper
            @deco
            def f(x): return x + 1
            """
        )
    )
    Finder([Pointcut("cutlib.inner", "f", Advice(note), args=("x",), kind="observe")]).install()
    assert importlib.import_module("cutlib").f(1) == 2
    assert CALLS == [(1,)]


def test_importing_the_agent_takes_the_standard_library_only() -> None:
    script = """
        import sys
        before = set(sys.modules)
        import weftline.agent, weftline.agent.env, weftline.agent.semconv, weftline.agent.pointcut
        assert weftline.agent.transaction_id() is None
        weftline.agent.alias("nothing")
        weftline.agent.stop()
        new = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(sorted(new - set(sys.stdlib_module_names) - {"weftline"}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_starting_the_agent_loads_neither_the_sdk_nor_what_gevent_minds() -> None:
    script = """
        import sys
        before = set(sys.modules)
        import weftline.agent.auto
        new = set(sys.modules) - before
        heavy = ("opentelemetry.sdk", "ssl", "http.client", "urllib3", "requests", "httpx", "flask", "starlette", "fastapi",
                 "asyncio", "concurrent.futures", "google.protobuf", "grpc")
        print([name for name in heavy if name in new])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_pointcuts_that_wait_are_made_with_their_package_and_once(library: Path) -> None:
    made: list[str] = []

    def make() -> list[Pointcut]:
        made.append("f")
        return cuts("f")

    finder = Finder(cuts("f"), {"cutlib": [make], "cutlib.inner": [make], "nowhere": [make]})
    finder.install()
    assert made == []
    assert importlib.import_module("cutlib").f(1) == 2
    assert made == ["f", "f"]
    assert CALLS == [()]  # the same pointcut, however often it is made
    importlib.reload(sys.modules["cutlib.inner"])
    assert made == ["f", "f"]


def test_pointcuts_that_wait_for_what_is_imported_already(library: Path) -> None:
    earlier = importlib.import_module("cutlib").f
    Finder((), {"cutlib": [lambda: cuts("f")]}).install()
    assert earlier(1) == 2
    assert CALLS == [()]
