"""Connections and cursors written in C (sqlite3, psycopg2): the library is asked to make instances of subclasses. They
have its classes' names and nothing of their own but a span around `execute`.

    connect(factory) ──► connection_class(factory) ──► .cursor(class) ──► cursor_class(class) ──► .execute
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weftline.agent import query
from weftline.agent.weave import guard


@dataclass(slots=True, eq=False)
class Driver:
    """One library's part."""

    library: query.Library
    describe: Callable[..., str]
    """`describe(attributes, cursor, statement, batch)`, as query plugins have it."""
    code: Callable[[BaseException], object]
    """The database's code of an exception, if it has one."""
    methods: tuple[str, ...]
    """Those of a cursor that get a span; their first argument is the statement."""
    factory: str
    place: int
    """The argument of a connection's `cursor` that says which class to make: its name and position."""
    usual: Callable[[Any], type]
    """The cursor class a connection makes if none is given."""
    shortcuts: tuple[str, ...] = ()
    """Those of a connection that execute without calling a cursor's."""
    _classes: dict[type, type] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def connection_class(self, base: type, root: type) -> type:
        """The connection class to use instead of `base`; `root` is the library's own, in C. Our `cursor` is called
        by whatever `cursor` an application's class has."""
        with self._lock:
            found = self._classes.get(base)
            if found is None:
                bottom = self._classes.get(root)
                if bottom is None:
                    bottom = self._classes[root] = _disguise(_connection(self, root), root)
                found = bottom if base is root else _disguise(type("Connection", (base, bottom), _slots()), base)
                self._classes[base] = found
            return found

    def cursor_class(self, base: type) -> type:
        """The cursor class to use instead of `base`. Our `execute` is called first: what an application's class
        makes of the statement belongs to the span."""
        if base.__dict__.get(_MARK):  # the application asked with a class that it got from us
            return base
        with self._lock:
            found = self._classes.get(base)
            if found is None:
                body = {name: _traced(self, name, getattr(base, name)) for name in self.methods}
                made = type("Cursor", (base,), {**_slots(), _MARK: True, **body})
                found = self._classes[base] = _disguise(made, base)
            return found


_MARK = "__weftline__"


def _slots() -> dict[str, Any]:
    return {"__slots__": ()}  # instances take attributes only if the base class's do


def _disguise(made: type, base: type) -> type:
    made.__name__, made.__qualname__, made.__module__ = base.__name__, base.__qualname__, base.__module__
    made.__doc__ = base.__doc__
    return made


def _connection(driver: Driver, root: Any) -> type:
    class Connection(root):  # type: ignore[misc]  # known at run time only
        __slots__ = ()

        def cursor(self, *args: Any, **named: Any) -> Any:
            try:
                args, named = _with_class(driver, self, args, named)
            except Exception as error:  # noqa: BLE001 - the application gets a cursor, whatever goes wrong here
                guard.contained(error, f"{driver.library.name}: cursor")
            return super().cursor(*args, **named)

    for name in driver.shortcuts:
        setattr(Connection, name, _traced(driver, name, getattr(root, name)))
    return Connection


def _traced(driver: Driver, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **named: Any) -> Any:
        token = _begin(driver, self, args, named, many=name == "executemany")
        if token is None:
            return original(self, *args, **named)
        try:
            result = original(self, *args, **named)
        except BaseException as error:
            _end(driver, token, error)
            raise
        _end(driver, token, None)
        return result

    method.__name__, method.__qualname__, method.__doc__ = name, original.__qualname__, original.__doc__
    return method


def _begin(
    driver: Driver, cursor: Any, args: tuple[Any, ...], named: dict[str, Any], *, many: bool
) -> query.Query | None:
    try:
        given = (*args, *named.values())  # whatever they are called, the statement is the first
        batch = given[1] if many and len(given) > 1 else None
        return query.begin(driver.library, driver.describe, cursor, given[0] if given else "", batch)
    except Exception as error:  # noqa: BLE001 - reported, and the application's call goes on
        guard.contained(error, f"{driver.library.name}: begin")
        return None


def _end(driver: Driver, token: query.Query, exception: BaseException | None) -> None:
    try:
        if exception is None:
            query.answered(token)
        else:
            query.failed(token, exception, driver.code(exception))
    except Exception as error:  # noqa: BLE001 - reported, and the application gets its result
        guard.contained(error, f"{driver.library.name}: end")


def _with_class(
    driver: Driver, connection: Any, args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = args[driver.place] if len(args) > driver.place else named.get(driver.factory)
    wanted = driver.usual(connection) if given is None else given
    if not isinstance(wanted, type):
        return args, named
    made = driver.cursor_class(wanted)
    if len(args) > driver.place:
        return (*args[: driver.place], made, *args[driver.place + 1 :]), named
    return args, {**named, driver.factory: made}
