"""How far the import of a file came, in a note beside it: `<file>.weftline-import.json`, until the import is done.

The note only saves work: what is stored already is left out anyway.
"""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

SUFFIX: Final = ".weftline-import.json"


@dataclass(frozen=True, slots=True)
class FileState:
    """Which file a note is of."""

    size: int
    modified: int
    """ns since the epoch"""


class Note:
    """Of one file; a file that was changed since has none."""

    def __init__(self, file: Path) -> None:
        self.path = file.with_name(file.name + SUFFIX)
        stat = file.stat()
        self._file = FileState(stat.st_size, stat.st_mtime_ns)

    def load(self) -> int:
        """How many of the file's documents are stored."""
        try:
            it = json.loads(self.path.read_text())
            if it["file"] == asdict(self._file):
                return max(0, int(it["documents"]))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("Did not understand a note, beginning at the file's beginning file=%s: %s", self.path, error)
        return 0

    def save(self, documents: int) -> None:
        try:
            part = self.path.with_name(self.path.name + ".part")
            part.write_text(json.dumps({"file": asdict(self._file), "documents": documents}))
            part.replace(self.path)
        except OSError as error:
            logger.warning("Could not note how far the import came file=%s: %s", self.path, error)

    def remove(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("Could not remove a note file=%s: %s", self.path, error)
