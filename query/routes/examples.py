"""The example answers in the API's description: given by the service itself. A test says when it would give others."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


def of(path: str, status: str, media_type: str) -> Any:
    """What the route answers with that status; None where no answer is shown."""
    answers = _examples()
    everywhere = next((name for name in answers if name.endswith("/") and path.startswith(name)), "")
    for name in (path, everywhere):
        if (example := answers.get(name, {}).get(status, {}).get(media_type)) is not None:
            return example
    return None


@cache
def _examples() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Path → status → media type → answer. A path that ends in a slash stands for all below it."""
    text = files("weftline.query.routes").joinpath("examples.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(text)
    return found
