"""The other interpreters that are found run the engine's tests, its self-test and some of CPython's own suites too: they
need nothing installed, since the engine uses the standard library only. `make bench-agent` runs all suites on all."""

import subprocess

import pytest
from bench import agent_suites, interpreters

OTHERS = {version: python for version, python in interpreters.found().items() if version != interpreters.HERE}
SUITES = ("test.test_contextlib_async", "test.test_coroutines", "test.test_except_star", "test.test_generators")


def test_this_one_is_proven() -> None:
    assert interpreters.HERE in interpreters.PROVEN


@pytest.mark.parametrize("version", OTHERS)
def test_the_engines_own_tests(version: str) -> None:
    """Transparency, nested `try/finally`, generators, C targets, the import hook, leaks; the corpus is `make bench-agent`'s."""
    done = interpreters.run_engines_tests(OTHERS[version], "-k", "not corpus")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = int(done.stdout.strip().rpartition("\n")[2].partition(" passed")[0].split()[-1])
    assert passed > 150


@pytest.mark.parametrize("version", OTHERS)
def test_the_self_test(version: str) -> None:
    script = interpreters.ROOT / "tests" / "support" / "weave_selftest.py"
    command = [OTHERS[version], str(script)]
    done = subprocess.run(command, env=interpreters.environ(), capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("ok ")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("version", OTHERS)
def test_cpythons_suites(version: str, suite: str) -> None:
    python = OTHERS[version]
    if not agent_suites.available(suite, python):
        pytest.skip("this interpreter comes without its test-suites")
    counts = agent_suites.run(suite, timeout=240, python=python)
    assert counts["failed"] == 0
    assert counts["tests"] > 20
    assert counts["enter"] == counts["leave"] + counts["error"]
