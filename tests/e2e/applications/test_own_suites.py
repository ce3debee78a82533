"""The applications' own tests, unchanged: what passes without the agent passes under `weftline-agent run`."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support import applications
from support.launched import RUN
from weftline.deploy.local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.clickhouse, pytest.mark.timeout(600)]

TODO_SITE = Path(__file__).parents[2] / "support" / "todo_site"


@dataclass(frozen=True)
class Suite:
    """`least` is how many tests it has at the least: fewer, and something has not been collected."""

    source: str
    least: int
    tests: tuple[str, ...] = ()
    folder: str = "."
    libraries: bool = True
    path: tuple[Path, ...] = ()
    settings: str = ""


FASTAPI = (
    "background_tasks", "bigger_applications", "security", "server_sent_events", "sql_databases", "stream_data",
    "sub_applications", "websockets", "wsgi",
)  # fmt: skip

SUITES = [
    Suite("flask", 24, folder="examples/tutorial", libraries=False),
    Suite("fastapi", 100, tuple(f"tests/test_tutorial/test_{name}" for name in FASTAPI)),
    # The CSV file that test_import.py reads is missing from the source distribution.
    Suite("django-todo", 39, ("todo", "--ignore=todo/tests/test_import.py"), path=(TODO_SITE,), settings="todo_site"),
]


def outcomes(suite: Suite, folder: Path, endpoint: str, *launcher: str) -> tuple[Counter[tuple[str, str]], str]:
    """(test, outcome), and what the run printed. Errors inside advice are raised, and so fail a test of theirs."""
    there = applications.source(suite.source, folder) / suite.folder
    found = [applications.libraries(suite.source)] if suite.libraries else []
    report = folder / "report.xml"
    done = subprocess.run(
        [
            *launcher, sys.executable, "-m", "pytest", *suite.tests, f"--junitxml={report}",
            "-p", "no:randomly", "-p", "no:cacheprovider",
        ],
        cwd=there, capture_output=True, text=True, check=False, timeout=280,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (there, *suite.path, *found))),
            "DJANGO_SETTINGS_MODULE": suite.settings,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_SERVICE_NAME": f"tests-of-{suite.source}",
            "WEFTLINE_AGENT_STRICT": "true",
        },
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    cases = ET.parse(report).iter("testcase")
    return Counter((f"{case.get('classname')}::{case.get('name')}", _outcome(case)) for case in cases), done.stdout


def _outcome(case: ET.Element) -> str:
    return next((kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), "passed")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.source)
def test_the_applications_own_tests_pass_as_they_do_without_the_agent(
    suite: Suite, stack: Stack, tmp_path: Path
) -> None:
    runs = []
    for name, launcher in (("plain", ()), ("woven", (RUN, "run"))):
        (tmp_path / name).mkdir()
        runs.append(outcomes(suite, tmp_path / name, stack.otlp_endpoint, *launcher))
    (plain, said), (woven, said_woven) = runs
    assert {outcome for _, outcome in plain} <= {"passed", "skipped"}, said
    assert woven == plain, said_woven
    assert plain.total() >= suite.least
