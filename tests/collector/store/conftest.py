"""One compiled encoder for all tests. Importing it compiles, a minute at the first run: no test does it while being collected."""

from types import ModuleType

import pytest

from weftline.collector.store.protocol import SpanEncoder


@pytest.fixture(scope="session")
def module() -> ModuleType:
    """`native.encoder`."""
    from weftline.collector.store.native import encoder

    return encoder


@pytest.fixture(scope="session")
def encoder(module: ModuleType) -> SpanEncoder:
    return module.compiled_encoder()
