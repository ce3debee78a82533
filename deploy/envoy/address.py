"""HOST:PORT on a command line."""

from typing import Any

import click

from .proxy import Address


class AddressType(click.ParamType[Address]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        host, _, port = str(value).rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            self.fail(f"{value!r} is not host:port.", param, ctx)
        return Address(host, int(port))
