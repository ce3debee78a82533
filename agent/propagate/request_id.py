"""`x-request-id`: Envoy's id of the request. Envoy can't carry it through an application, so the agent does."""

_MAX_LENGTH = 256


def parse(text: str | None) -> str | None:
    """The id if it is fit to be passed on (printable ASCII, not overlong), else None."""
    if not text or len(text) > _MAX_LENGTH or not text.isascii() or not text.isprintable():
        return None
    return text
