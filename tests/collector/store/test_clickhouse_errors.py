"""ClickHouse's codes and what they ask of the caller."""

import pytest

from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.clickhouse_errors import translate


@pytest.mark.parametrize(("code", "kind"), [(444, BadMessage), (395, BadMessage), (252, TryLater), (0, TryLater)])
def test_clickhouse_codes_tell_bad_data_from_bad_times(code: int, kind: type[Exception]) -> None:
    assert type(translate(code, "Code: …")) is kind
