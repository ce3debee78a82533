"""Which proxies are looked at: those of the settings, and those of a file in Prometheus' file_sd format."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from weftline.collector.errors import Misconfigured
from weftline.collector.scrape.proxy import Target, parse_target

logger = logging.getLogger(__name__)


class Targets:
    """The targets now. A file that became unreadable leaves the targets as they were, and says so once."""

    def __init__(self, named: Sequence[str], file: str) -> None:
        """Raises `Misconfigured` when there is a mistake, or there are no targets at all."""
        try:
            self._named = [parse_target(text) for text in named]
            self._file = Path(file) if file else None
            self._changed = -1.0
            self._of_file: list[Target] = []
            self._complained = False
            if self._file:
                self._changed = self._file.stat().st_mtime
                self._of_file = parse_file(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Misconfigured(f"The proxies to look at can't be told: {error}") from error
        if not named and not file:
            raise Misconfigured(
                "No proxies to look at: name them with --target, WEFTLINE_SCRAPE_TARGETS or "
                "WEFTLINE_SCRAPE_TARGETS_FILE."
            )

    def now(self) -> list[Target]:
        """Each address once."""
        if self._file:
            try:
                changed = self._file.stat().st_mtime
                if changed != self._changed:
                    self._of_file = parse_file(self._file.read_text(encoding="utf-8"))
                    self._changed, self._complained = changed, False
            except (OSError, ValueError) as error:
                if not self._complained:
                    logger.warning("The targets stay as they were file=%s reason=%s.", self._file, error)
                self._complained = True
        return list({target.address: target for target in (*self._of_file, *self._named)}.values())


def parse_file(text: str) -> list[Target]:
    """``[{"targets": ["host:port"], "labels": {"node_id": …, "service": …}}]``, JSON or YAML. Raises `ValueError`."""
    try:
        groups = json.loads(text)
    except ValueError:
        import yaml

        try:
            groups = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"it is neither JSON nor YAML: {error}") from error
    targets = []
    for group in groups if isinstance(groups, list) else [groups]:
        if not isinstance(group, dict) or not isinstance(group.get("targets"), list):
            raise ValueError(  # noqa: TRY004 - a mistake in a file, not in a program
                "it is not in Prometheus' file_sd format: a list of mappings with `targets`"
            )
        labels = group.get("labels") or {}
        for address in group["targets"]:
            target = parse_target(str(address))
            node_id = target.node_id or str(labels.get("node_id", ""))
            targets.append(Target(target.address, node_id, str(labels.get("service", ""))))
    return targets
