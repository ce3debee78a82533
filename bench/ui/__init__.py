"""How soon each page is there, in a real Chromium with an empty cache: first paint, then its data."""

from bench.ui.first_view import main

__all__ = ["main"]
