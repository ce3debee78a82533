"""Settings from environment variables: a frozen dataclass in, an instance out. Serves all parts of weftline.

A settings class is a frozen dataclass whose fields are made with :func:`option` and which names its
variables' prefix in ``PREFIX``. The field ``http_port`` of a class with ``PREFIX = "WEFTLINE_EDGE_"`` is read
from ``WEFTLINE_EDGE_HTTP_PORT``, or from the variable named in ``option(env=...)`` (``OTEL_*`` names).
Nothing is read at import; the environment is passed in. The same fields give the README's tables their rows.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeVar


class Settings(Protocol):
    """A frozen dataclass of options."""

    PREFIX: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


T = TypeVar("T", bound=Settings)


class SettingsError(ValueError):
    """One or more variables can't be used; the message names each with its value and what was expected."""


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """One row of a configuration table."""

    name: str
    field: str
    type: str
    default: str
    help: str


def option(default: Any, help: str, *, env: str | None = None) -> Any:  # noqa: A002 - the word every CLI uses
    """A dataclass field with its default, its one-line help and, if it isn't derived, its variable's name."""
    return dataclasses.field(default=default, metadata={"help": help, "env": env})


def variables(cls: type[Settings]) -> Iterator[Variable]:
    """The variables a settings class reads, in the order of its fields."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        yield Variable(
            name=field.metadata["env"] or cls.PREFIX + field.name.upper(),
            field=field.name,
            type=kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind),
            default=_text(field.default),
            help=field.metadata["help"],
        )


def read(cls: type[T], environ: Mapping[str, str]) -> T:
    """An instance of ``cls`` from ``environ``; an empty variable counts as unset (OpenTelemetry's rule).

    Raises :class:`SettingsError` that lists every bad value and every variable with the class's prefix that
    no field reads, so that a misspelt setting is not silently a default.
    """
    hints = typing.get_type_hints(cls)
    known = {variable.name: variable.field for variable in variables(cls)}
    values: dict[str, Any] = {}
    wrong = [
        f"{name}: no such setting (there are: {', '.join(known)})"
        for name in sorted(environ)
        if name.startswith(cls.PREFIX) and name not in known
    ]
    for name, field in known.items():
        text = environ.get(name, "").strip()
        if text:
            try:
                values[field] = _parse(text, hints[field])
            except ValueError as error:
                wrong.append(f"{name}={text!r}: {error}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return cls(**values)


def _text(default: Any) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "" if default is None else str(default)


def _parse(text: str, kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_parse(part.strip(), item) for part in text.split(",") if part.strip())
    if typing.get_origin(kind) is typing.Literal:
        if text not in typing.get_args(kind):
            raise ValueError(f"expected one of {', '.join(typing.get_args(kind))}")
        return text
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError("expected true or false")
        return text.lower() in ("true", "1")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"expected {'a whole number' if kind is int else 'a number'}") from None
    return kind(text)
