"""Where what is fetched or noted once is kept, for all of a user's local stacks and tests."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Made if it isn't there (XDG Base Directory Specification). Raises OSError where nothing can be written."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weftline"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
