"""Lets the whole application live under a path, whether or not the proxy before it takes the path off."""

from starlette.types import ASGIApp, Receive, Scope, Send


class UnderBasePath:
    """ASGI middleware: ``{base_path}/x`` is answered as ``/x``; requests without the path are passed on as they are."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app = app
        self._base = base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path == self._base or path.startswith(f"{self._base}/"):
                raw = scope.get("raw_path")
                base = self._base.encode()
                scope = {
                    **scope,
                    "path": path[len(self._base) :] or "/",
                    # Ids with an escaped slash in them are read from the raw path.
                    "raw_path": raw[len(base) :] or b"/" if raw and raw.startswith(base) else raw,
                }
        await self._app(scope, receive, send)
