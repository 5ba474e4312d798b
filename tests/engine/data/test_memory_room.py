"""Large images that several threads decode at once wait for room in memory; small ones don't."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data import memory_room, threads
from aimic_tui.engine.data.memory_room import MemoryRoom
from aimic_tui.engine.data.reading import pixels
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.pixels import Pixels, own_limits, to_rgb
from aimic_tui.engine.data.reading.read_image import read_image
from aimic_tui.engine.data.threads import in_threads

LARGE = 10_000_000


class Counter:
    """Counts how many threads are inside at once, and lets each wait a moment for others."""

    def __init__(self, meet: int) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._met = threading.Barrier(meet)

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        with suppress(threading.BrokenBarrierError):
            self._met.wait(0.2)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize(("decoded", "total", "most"), [(LARGE, 80_000_000, 2), (LARGE, 1, 1), (1_000_000, 1, 4)])
def test_as_many_are_decoded_at_once_as_have_room(
    monkeypatch: pytest.MonkeyPatch, decoded: int, total: int, most: int
) -> None:
    room, counter = MemoryRoom(total), Counter(most)
    monkeypatch.setattr(threads, "ROOM", room)

    def decode(_: int) -> int:
        room.take(decoded)
        with counter:
            return 1

    monkeypatch.setattr(threads, "_CHUNK", 1)
    assert sum(in_threads(decode, range(8), threads=4)) == 8
    assert counter.most == most


def test_what_fails_gives_its_room_back_and_a_second_picture_of_one_thread_does_not_wait() -> None:
    room = MemoryRoom(1)
    with pytest.raises(ValueError, match="damaged"), room.returned():
        room.take(LARGE)
        room.take(LARGE)
        raise ValueError("damaged")
    with room.returned():
        room.take(LARGE)  # would wait forever


def test_the_readers_ask_for_room_by_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory_room.ROOM, "take", asked.append)
    for name, mode in (("a.png", "RGB"), ("b.tif", "F"), ("c.jpg", "L"), ("d.pgm", "L")):
        Image.new(mode, (40, 30)).save(tmp_path / name)
        read_image(tmp_path / name)
    assert asked == [3600, 4800, 3600, 3600]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_strips_change_no_value(kind: type[np.generic], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(0).normal(100, 40, (37, 23, 3))
    if np.issubdtype(kind, np.floating):
        drawn[3, 4], drawn[30, 2], drawn[5, 5] = np.nan, np.inf, -np.inf
        values = drawn.astype(kind)
    else:
        values = np.clip(drawn, 0, 255).astype(kind)
    picture = Pixels(values, 8 * values.dtype.itemsize, True, False, "TIFF", "grey", 3)
    rule = InputRule(intensity="min-max")
    whole, limits = to_rgb(picture, rule), own_limits(values)
    monkeypatch.setattr(pixels, "_STRIP", 200)
    assert len(list(pixels._strips(values))) > 10
    assert own_limits(values) == limits
    assert (to_rgb(picture, rule) == whole).all()
    assert whole.min() == 0 and whole.max() == 255
