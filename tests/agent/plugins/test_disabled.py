"""Which plugins are loaded, and when."""

import importlib
import subprocess
import sys
import textwrap

import pytest

from weftline.agent import plugins


def test_every_plugin_has_pointcuts_and_names_are_contribs_spelt_either_way() -> None:
    everything = {pointcut.where for pointcut in plugins.pointcuts()}
    for name in ("aiohttp_client", "aiohttp-client"):
        missing = everything - {pointcut.where for pointcut in plugins.pointcuts([name])}
        assert missing == {"aiohttp.client:ClientSession._request"}
    assert plugins.pointcuts(["*"]) == []
    assert {"django", "wsgi", "asgi", "grpc", "grpc_aio", "tornado", "urllib3"} <= set(plugins.names())


@pytest.mark.parametrize("name", plugins.names())
def test_a_plugin_is_loaded_before_anything_it_weaves_is_imported(name: str) -> None:
    cuts = importlib.import_module(f"weftline.agent.plugins.{name}").POINTCUTS
    for library in plugins.libraries(name):
        inside = [cut.module for cut in cuts if f"{cut.module}.".startswith(f"{library}.")]
        assert inside, f"{name} waits for {library} and weaves nothing of it"
    for cut in cuts:
        waits_for = [library for library in plugins.libraries(name) if f"{cut.module}.".startswith(f"{library}.")]
        assert waits_for, f"{cut.where} is outside of {plugins.libraries(name)}: name its package in plugins._FOR"


def test_what_waits_is_what_there_is() -> None:
    made = [pointcut for loads in plugins.waiting(["flask"]).values() for load in loads for pointcut in load()]
    assert set(made) == set(plugins.pointcuts(["flask"]))
    assert plugins.waiting(["*"]) == {}
    assert plugins._FOR.keys() <= set(plugins.names())


def test_starting_loads_no_plugin_whose_library_is_not_imported() -> None:
    script = """
        import sys
        import weftline.agent.auto
        here = "weftline.agent.plugins."
        print(sorted(name.removeprefix(here) for name in sys.modules if name.startswith(here)))
        import http.server
        print(here + "werkzeug" in sys.modules, here + "flask" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "['logging', 'signal', 'threading']\nTrue False\n"
