"""weftline.query: look-ups over what the collector stored; the HTTP API, Jaeger's API, the `weftline` command."""
