"""How a call is refused: the one error that methods raise themselves."""

import grpc


class Refused(Exception):  # noqa: N818 - says what the caller learns
    """The call ends with ``code`` and this text, which is Jaeger's."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def invalid(text: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, text)


def not_found() -> Refused:
    return Refused(grpc.StatusCode.NOT_FOUND, "trace not found")
