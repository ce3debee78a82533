"""The structs that Thrift's own compiler made out of Jaeger's idl, from OpenTelemetry's last exporter for it.

Its package can't be imported any more: it wants names that the SDK has dropped. The generated file alone can.
"""

import importlib.metadata
import importlib.util

_FILES = importlib.metadata.files("opentelemetry-exporter-jaeger-thrift") or []
[_PATH] = [it.locate() for it in _FILES if it.as_posix().endswith("gen/jaeger/ttypes.py")]
_SPEC = importlib.util.spec_from_file_location("jaeger_ttypes", str(_PATH))
assert _SPEC
assert _SPEC.loader
ttypes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ttypes)
