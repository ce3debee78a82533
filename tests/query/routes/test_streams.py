"""What is followed goes on where it was cut off: nothing is lost, nothing told twice."""

from collections.abc import Iterator

import pytest

from weftline.query.routes import streams as module
from weftline.query.routes.streams import News, Stream, Streams, spelt


class Setting:
    """Streams whose news are numbers, `batch` of them a look."""

    def __init__(self) -> None:
        self.now = 0.0
        self.streams = Streams(lambda: self.now)
        self.begun: list[int | None] = []
        self.next = 0
        self.batch = 3

    def begin(self, since: int | None):
        self.begun.append(since)

        def poll() -> Iterator[News]:
            for _ in range(self.batch):
                self.next += 1
                yield News("number", str(self.next))

        return poll

    def connect(self, last: str = "", about: str = "a") -> "Connection":
        stream, told = self.streams.take(about, last, self.begin)
        return Connection(self, stream, told)


class Connection:
    def __init__(self, setting: Setting, stream: Stream, told: int) -> None:
        self.setting, self.stream, self.told = setting, stream, told
        self.turn = stream.turn()
        self.ids = [""]

    def hear(self) -> list[str]:
        news = self.stream.news(self.turn, self.told)
        self.ids += [spelt(self.stream, number, when) for number, when, _ in news]
        self.told = news[-1].number if news else self.told
        return [one.data for _, _, one in news]

    def leave(self) -> None:
        self.setting.streams.leave(self.stream, self.turn)


def test_it_goes_on_behind_the_last_event() -> None:
    it = Setting()
    first = it.connect()
    assert first.hear() == ["1", "2", "3"]
    first.leave()
    for last, behind in ((1, ["2", "3", "4", "5", "6"]), (3, ["4", "5", "6", "7", "8", "9"])):
        again = it.connect(first.ids[last])
        assert again.hear() == behind
        again.leave()
    assert it.begun == [None]


def test_a_connection_that_does_not_know_that_it_is_dead_takes_nothing() -> None:
    it = Setting()
    first = it.connect()
    first.hear()
    assert first.hear() == ["4", "5", "6"], "on their way when the connection broke"
    again = it.connect(first.ids[2])
    assert first.hear() == []
    assert again.hear() == ["3", "4", "5", "6", "7", "8", "9"]
    first.leave()
    it.now += 1000
    it.streams.take("b", "", it.begin)
    assert it.connect(again.ids[-1]).hear() == ["10", "11", "12"], "it has a connection, so it is kept"


@pytest.mark.parametrize("change", ["other question", "too late", "too much", "another process", "too many"])
def test_what_is_not_known_any_more_begins_at_the_time_of_the_event(change: str, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT_EVENTS", 4)
    it = Setting()
    first = it.connect()
    first.hear()
    told = int(first.ids[1].rpartition("-")[2])
    about = "a"
    match change:
        case "other question":
            about = "b"
        case "too late":
            it.now += module.KEPT_SECONDS + 1
        case "too much":
            first.hear()
        case "another process":
            it.streams = Streams(lambda: it.now)
    first.leave()
    if change == "too late":
        it.now += module.KEPT_SECONDS + 1
    if change == "too many":
        for number in range(module.KEPT_STREAMS):
            it.now += 0.001
            it.connect(about=str(number)).leave()
    it.begun.clear()
    it.connect(first.ids[1], about)
    assert it.begun == [told]


@pytest.mark.parametrize("last", ["", "x", "1-2-3", "0" * 16 + "-1", "é", "9" * 4000])
def test_what_is_no_id_begins_now(last: str) -> None:
    it = Setting()
    it.connect(last)
    assert it.begun == [None]


def test_what_fails_between_is_told_later_and_once() -> None:
    it = Setting()

    def poll() -> Iterator[News]:
        it.next += 1
        yield News("number", str(it.next))
        raise OSError

    stream, _ = it.streams.take("a", "", lambda _: poll)
    assert [one.news.data for one in stream.news(stream.turn(), 0)] == ["1"]
