"""How much the edge takes at a time."""

import pytest

from weftline.collector.edge.admission import Admission
from weftline.collector.errors import TryLater


def test_admission_holds_bytes_only_while_they_are_under_way() -> None:
    admission = Admission(100)
    with admission.admit(60):
        with pytest.raises(TryLater, match="60 bytes are waiting"), admission.admit(60):
            pass
        with admission.admit(40):
            pass
    with admission.admit(60):
        pass


def test_a_request_larger_than_the_limit_is_admitted_when_nothing_else_is_under_way() -> None:
    with Admission(10).admit(60):
        pass
