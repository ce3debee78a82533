"""Look-ups, lists of traces and big traces over a store of many spans: `python -m bench query --spans 20000000`."""

from bench.query.measure import main as main
