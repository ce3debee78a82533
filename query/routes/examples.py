"""The example answers in the API's description: given by the service itself. A test says when it would give others."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def examples() -> Mapping[str, Mapping[str, Any]]:
    """Path → media type → an answer with status 200."""
    text = files("weftline.query.routes").joinpath("examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found
