"""What can go wrong across a seam, each named after what the caller does next.

    Exception
    ├── TryLater       keep the data, wait, do the same again   (store or bus away, slow, over capacity)
    ├── AskOtherwise   narrow the question, or mend it          (a search that costs too much, a bad expression)
    ├── BadMessage     never send this again: refuse it or put it aside with the reason
    └── Misconfigured  stop and tell the operator

Driver errors are translated where the driver is imported; nothing else crosses a seam.
"""


class TryLater(Exception):  # noqa: N818 - the name says what to do
    """The far side can't take it now; the same call may succeed after ``seconds``. Nothing is lost."""

    def __init__(self, message: str, seconds: float = 1.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class AskOtherwise(Exception):  # noqa: N818
    """The question can't be answered as it was asked; the text is the reason, fit to follow "because"."""


class BadMessage(Exception):  # noqa: N818
    """These bytes will never be stored; the text says what is wrong with them."""


class Misconfigured(Exception):  # noqa: N818
    """Only an operator can mend it; the text says what to change."""
