from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine import system_errors
from aimic_tui.engine.data import cache
from aimic_tui.engine.data.cache import cached_images, images_key
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.progress import Progress
from tests.engine.data.conftest import MakeFolder

PREPROCESSING = Preprocessing(16, "stretch", "auto", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

BUILD = """
import os, sys
from pathlib import Path
from aimic_tui.engine.data.cache import cached_images
from aimic_tui.engine.data.preprocessing import Preprocessing
folder, images, slowly = Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*/*.png")), sys.argv[3] == "slowly"
if slowly:
    import time
    load = Preprocessing.load
    Preprocessing.load = lambda self, path: (os.write(1, b"decoding\\n"), time.sleep(0.05), load(self, path))[2]
said = []
source = cached_images(images, Preprocessing(16, "stretch", "auto", (.5,) * 3, (.5,) * 3), folder, "on",
                       said.append)
print("built" if said else "found", int(source.batch(__import__("numpy").arange(len(images))).sum()))
"""


def images_in(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.png"))


def everything(count: int) -> np.ndarray:
    return np.arange(count)


def start(folder: Path, root: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), str(root), how], stdout=subprocess.PIPE, text=True
    )


def test_cached_and_decoded_images_are_the_same(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 30, "b": 21}))
    reports: list[Progress] = []
    cached = cached_images(paths, PREPROCESSING, tmp_path / "cache", "auto", reports.append)
    decoded = cached_images(paths, PREPROCESSING, tmp_path / "cache", "off")
    assert (cached.cached, decoded.cached) == (True, False)
    assert len(cached) == len(decoded) == 51
    assert reports[-1] == Progress("read", 51, 51)
    indices = np.array([7, 50, 0, 7])
    assert (cached.batch(indices) == decoded.batch(indices)).all()
    assert (cached.batch(indices)[1] == PREPROCESSING.load(paths[50])).all()
    cached.batch(indices)[:] = 0  # a copy: nobody changes what others read
    assert cached.batch(indices).any()


def test_a_second_time_nothing_is_decoded(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 5}))
    cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    reports: list[Progress] = []
    assert cached_images(paths, PREPROCESSING, tmp_path / "cache", "on", reports.append).cached
    assert reports == []


@pytest.mark.parametrize("how", ["written over", "renamed over"])
def test_an_image_that_is_replaced_with_the_same_size_and_time_is_another_one(make_folder: MakeFolder, tmp_path, how):
    paths = images_in(make_folder({"a": 5}))
    picture = np.asarray(Image.open(paths[2]))
    Image.fromarray(picture).save(paths[2], "BMP")  # of any picture as many bytes
    cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    before, old = paths[2].stat(), PREPROCESSING.load(paths[2])
    replacement = tmp_path / "new.bmp"
    Image.fromarray(255 - picture).save(replacement)
    content = replacement.read_bytes()
    if how == "written over":
        paths[2].write_bytes(content)
    else:
        replacement.write_bytes(content)
        os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
        replacement.replace(paths[2])
    os.utime(paths[2], ns=(before.st_atime_ns, before.st_mtime_ns))
    after = paths[2].stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    source = cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    assert not (source.batch(np.array([2]))[0] == old).all()


def test_other_contents_make_another_cache(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 5}))
    keys = {images_key(paths, PREPROCESSING, digests) for digests in ((), ["1"] * 5, ["1", "1", "2", "1", "1"])}
    assert len(keys) == 3
    assert images_key(paths, PREPROCESSING, ["1"] * 5) in keys


def test_a_changed_file_or_step_makes_another_cache(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 5}))
    first = cached_images(paths, PREPROCESSING, tmp_path / "cache", "on").batch(everything(5))
    Image.new("RGB", (20, 20), (9, 9, 9)).save(paths[2])
    second = cached_images(paths, PREPROCESSING, tmp_path / "cache", "on").batch(everything(5))
    assert (second[2] == 9).all()
    assert (second[[0, 1, 3, 4]] == first[[0, 1, 3, 4]]).all()
    other = Preprocessing(16, "stretch", "min-max", PREPROCESSING.mean, PREPROCESSING.std)
    cached_images(paths, other, tmp_path / "cache", "on")
    assert len(list((tmp_path / "cache").glob("*.images"))) == 3


def test_normalisation_is_not_part_of_the_cache(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 3}))
    cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    other = Preprocessing(16, "stretch", "auto", (0.1, 0.2, 0.3), (1, 1, 1))
    cached_images(paths, other, tmp_path / "cache", "on")
    assert len(list((tmp_path / "cache").glob("*.images"))) == 1


def test_an_unreadable_image_is_named_and_leaves_nothing_behind(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 40}))
    paths[33].write_bytes(paths[33].read_bytes()[:100])
    with pytest.raises(UnreadableImage, match=r"a/033\.png is incomplete"):
        cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]
    with pytest.raises(UnreadableImage, match=r"a/033\.png is incomplete"):
        cached_images(paths, PREPROCESSING, tmp_path / "cache", "off").batch(everything(40))
    paths[33].unlink()
    with pytest.raises(UnreadableImage, match=r"a/033\.png does not exist"):
        cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")


def test_it_can_be_stopped(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 5}))
    with pytest.raises(Interrupted):
        cached_images(paths, PREPROCESSING, tmp_path / "cache", "on", should_stop=lambda: True)
    assert list((tmp_path / "cache").glob("*.part")) == []


def test_a_short_disk_means_decoding(make_folder: MakeFolder, tmp_path, monkeypatch):
    paths = images_in(make_folder({"a": 5}))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    source = cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    assert not source.cached
    assert "images are decoded each time instead" in source.reason
    assert (source.batch(np.array([3]))[0] == PREPROCESSING.load(paths[3])).all()


def test_a_disk_that_fills_up_meanwhile_means_decoding(make_folder: MakeFolder, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_reserve", full)
    source = cached_images(images_in(make_folder({"a": 5})), PREPROCESSING, tmp_path / "cache", "on")
    assert not source.cached
    assert "No space left on device" in source.reason
    assert list((tmp_path / "cache").glob("*.part")) == []


def test_a_cache_folder_of_somebody_else_is_named_with_what_helps(make_folder: MakeFolder, tmp_path, monkeypatch):
    folder = tmp_path / "cache"

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "x.lock"))

    monkeypatch.setattr(cache, "_wait_for", refused)
    monkeypatch.setattr(system_errors.os, "access", lambda *_: False)
    monkeypatch.setattr(system_errors.os, "geteuid", lambda: folder.stat().st_uid + 1)
    source = cached_images(images_in(make_folder({"a": 5})), PREPROCESSING, folder, "on")
    assert not source.cached
    assert "images are decoded each time instead" in source.reason
    assert re.search(rf"{folder} belongs to .*chmod -R g\+w {folder}", source.reason)


def test_two_builders_at_once_decode_once(make_folder: MakeFolder, tmp_path):
    root = make_folder({"a": 60})
    builders = [start(tmp_path / "cache", root, "slowly") for _ in range(2)]
    outputs = [builder.communicate(timeout=60)[0].splitlines() for builder in builders]
    assert sum(line == "decoding" for output in outputs for line in output) == 60
    (first, sum_of_first), (second, sum_of_second) = (output[-1].split() for output in outputs)
    assert {first, second} == {"built", "found"}
    assert sum_of_first == sum_of_second


def test_a_builder_that_is_killed_leaves_no_half_cache(make_folder: MakeFolder, tmp_path):
    root = make_folder({"a": 60})
    builder = start(tmp_path / "cache", root, "slowly")
    assert builder.stdout is not None
    for _ in range(20):
        builder.stdout.readline()
    builder.send_signal(signal.SIGKILL)
    builder.wait(timeout=10)
    builder.stdout.close()
    assert list((tmp_path / "cache").glob("*.images")) == []
    paths = images_in(root)
    source = cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    assert source.cached
    assert (source.batch(everything(60)) == np.stack([PREPROCESSING.load(path) for path in paths])).all()
    assert list((tmp_path / "cache").glob("*.part")) == []


def test_use_is_noted_for_whoever_clears_up(make_folder: MakeFolder, tmp_path):
    paths = images_in(make_folder({"a": 2}))
    cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    (file,) = (tmp_path / "cache").glob("*.images")
    os.utime(file, (0, 0))
    cached_images(paths, PREPROCESSING, tmp_path / "cache", "on")
    assert file.stat().st_mtime > time.time() - 60


class TestRoom:
    SIZE = 4 * 16 * 16 * 3  # bytes of a cache of four images

    def build(self, folder: Path, images: list[Path], limit: int = cache.DEFAULT_LIMIT) -> cache.ImageSource:
        return cached_images(images, PREPROCESSING, folder, "on", limit=limit)

    def test_the_least_recently_wanted_go_to_make_room(self, make_folder: MakeFolder, tmp_path):
        images = images_in(make_folder({"a": 12}))
        folder = tmp_path / "cache"
        for start_at, wanted in ((0, 3_000), (4, 1_000)):
            self.build(folder, images[start_at : start_at + 4])
            newest = max(folder.glob("*.images"), key=lambda path: path.stat().st_mtime)
            os.utime(newest, (wanted, wanted))
        old, recent = cache.cache_files(folder)
        kept = self.build(folder, images[8:], limit=2 * self.SIZE)
        assert kept.cached
        assert not old.path.exists()
        assert recent.path.exists()
        assert sum(file.bytes for file in cache.cache_files(folder)) == 2 * self.SIZE

    def test_what_is_larger_than_the_limit_is_decoded_and_nothing_goes(self, make_folder: MakeFolder, tmp_path):
        images = images_in(make_folder({"a": 12}))
        self.build(tmp_path / "cache", images[:4])
        source = self.build(tmp_path / "cache", images, limit=2 * self.SIZE)
        assert not source.cached
        assert "compute.cache_limit" in source.reason
        assert len(cache.cache_files(tmp_path / "cache")) == 1
        assert source.batch(everything(12)).shape == (12, 16, 16, 3)

    def test_an_open_cache_outlives_its_removal(self, make_folder: MakeFolder, tmp_path):
        images = images_in(make_folder({"a": 4}))
        source = self.build(tmp_path / "cache", images)
        before = source.batch(everything(4))
        assert cache.clear_cache(tmp_path / "cache") == self.SIZE
        assert (source.batch(everything(4)) == before).all()
        assert cache.cache_files(tmp_path / "cache") == []

    def test_clearing_takes_left_overs_but_nothing_that_is_being_built(self, tmp_path):
        (tmp_path / "left.part").write_bytes(b"x" * 100)
        (tmp_path / "busy.part").write_bytes(b"x" * 10)
        (tmp_path / "notes.txt").write_text("not ours")
        lock = cache.FileLock(tmp_path / "busy.lock")
        assert lock.acquire()
        assert cache.clear_cache(tmp_path) == 100
        lock.release()
        assert (tmp_path / "busy.part").exists()
        assert (tmp_path / "notes.txt").exists()
        assert cache.clear_cache(tmp_path / "nowhere") == 0
