"""What pointcuts claim is what was proven: `bench/agent_versions.py` runs the plugins' tests against those versions."""

import itertools

from bench.agent_versions import TRIED

from support.tables import LIBRARIES, claims
from weftline.agent.weave.versions import allows


def test_every_claim_begins_with_the_oldest_version_tried() -> None:
    claimed = claims()
    assert set(claimed) == set(TRIED)
    different = {
        library: (version, TRIED[library].oldest)
        for library, version in claimed.items()
        if not allows(f"=={version}", TRIED[library].oldest)
    }
    assert different == {}


def test_versions_are_tried_from_old_to_new() -> None:
    for library, tried in TRIED.items():
        versions = [version.split()[0].partition("==")[2] for version in tried.versions]
        assert all(allows(f">{before}", after) for before, after in itertools.pairwise(versions)), library


def test_the_readme_names_every_library() -> None:
    named = {library for names in LIBRARIES.values() for library in names.values() if library}
    assert named == set(TRIED)
