"""Every route that an application has, whichever router brought it."""

from collections.abc import Iterator

from starlette.routing import Route


def routes(app) -> Iterator[Route]:
    """Fails at what it can't look into, so that nothing is left out."""
    for it in app.routes:
        if isinstance(it, Route):
            yield it
        else:
            yield from routes(it.original_router)


def requests(app, **values: str) -> list[tuple[str, str]]:
    """(method, path) of each, with ``values`` for the parameters of paths."""
    found = []
    for route in routes(app):
        path = route.path
        for name in route.param_convertors:
            assert name in values, f"say what {path} is asked with"
        path = route.path_format.format(**values)
        found += [(method, path) for method in sorted(route.methods or ())]
    return found
