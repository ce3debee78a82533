"""CPython's own tests of some libraries, woven, as are the libraries (`make bench-agent` runs them all)."""

import pytest
from bench import agent_suites


@pytest.mark.parametrize("suite", agent_suites.FAST)
def test_suite(suite: str) -> None:
    if not agent_suites.available(suite):
        pytest.skip("this interpreter comes without its test-suites")
    counts = agent_suites.run(suite, timeout=120)
    assert counts["failed"] == 0
    assert counts["tests"] > 20
    assert counts["woven"] > 20
    assert counts["enter"] > 200
    assert counts["enter"] == counts["leave"] + counts["error"]
