"""Decoded, resized images in one file that all trials and runs share: reading it is 90 times faster than decoding.

The file's name is a digest of every input (path, state on disk, content where that is known) and of every step up to
the pixels, so a cache can't be stale; it gets its final name only when it is complete. Their total size is limited:
before one is built, the least recently used ones are removed. Where there is no room for one, images are decoded on
demand.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from aimic_tui.engine.data.memory_room import ROOM
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.medmnist import npz_of
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.data.threads import ShouldStop, in_threads
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.files import FileLock, file_state, open_unlinked, sync_folder
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.system_errors import explain
from aimic_tui.engine.text import bytes_text
from aimic_tui.engine.waiting import pause

_IMAGES_SUFFIX = ".images"
FEATURES_SUFFIX = ".features"  # features of a frozen network; training stores them here, under the same limit
# of the file's layout and of all steps that `Preprocessing.pixel_steps` does not name; 2: TIFF and deep values read as
# they are stored
_VERSION = 2
DEFAULT_LIMIT = 20_000_000_000  # bytes; the default of `compute.cache_limit`
_SPARE = 1 << 30  # bytes that stay free on the disk


class ImageSource(ABC):
    """n preprocessed images, by index.

    Attributes:
        cached: whether they come from a cache.
        reason: where they don't, a sentence on why; else empty.
    """

    cached: bool
    reason: str

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def batch(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Return uint8 [b, size, size, 3], a copy, in the order of `indices`.

        Raises:
            UnreadableImage: an image that is decoded on demand can't be used.
        """


class _CachedImages(ImageSource):
    def __init__(self, path: Path, shape: tuple[int, int, int, int]) -> None:
        self.cached = True
        self.reason = ""
        self._pixels = np.memmap(path, np.uint8, "r", shape=shape)

    def __len__(self) -> int:
        return len(self._pixels)

    def batch(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        return np.asarray(self._pixels[indices])


class _DecodedImages(ImageSource):
    def __init__(self, paths: Sequence[Path], preprocessing: Preprocessing, reason: str) -> None:
        self.cached = False
        self.reason = reason
        self._paths = paths
        self._preprocessing = preprocessing
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def batch(self, indices: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(available_processors(), thread_name_prefix="decode")
        size = self._preprocessing.image_size
        images = np.empty((len(indices), size, size, 3), np.uint8)

        def fill(position: int) -> None:
            with ROOM.returned():
                images[position] = self._preprocessing.load(self._paths[int(indices[position])])

        for _ in self._pool.map(fill, range(len(indices))):
            pass
        return images


def cached_images(  # noqa: PLR0917
    data_set_images: Sequence[Path],
    preprocessing: Preprocessing,
    folder: Path,
    mode: str,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
    *,
    limit: int = DEFAULT_LIMIT,
    digests: Sequence[str] = (),
) -> ImageSource:
    """Open the cache of these images, building it first where it does not exist.

    Of several processes that need the same cache, one builds it and the others wait. One that dies while building
    leaves only a file that the next one overwrites.

    Args:
        data_set_images: files, in the order of the source's indices.
        preprocessing: from files to pixels.
        folder: of the caches; made where it is missing.
        mode: "off" decodes on demand, "auto" and "on" cache; "auto" leaves more free space on the
            disk than "on".
        report: receives the number of decoded images.
        should_stop: checked regularly.
        limit: bytes that all caches of the folder may take; the least recently used ones are removed to make room,
            and images whose cache alone would be larger are decoded on demand.
        digests: see `images_key`.

    Raises:
        UnreadableImage: an image can't be used; it is named.
        Interrupted: `should_stop` returned True.
    """
    paths = list(data_set_images)
    if mode == "off" or not paths:
        return _DecodedImages(paths, preprocessing, "The cache is off.")
    size = preprocessing.image_size
    shape = (len(paths), size, size, 3)
    needed = int(np.prod(shape, dtype=np.int64))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{images_key(paths, preprocessing, digests)}{_IMAGES_SUFFIX}"
        if not _is_whole(target, needed):
            lock = _wait_for(FileLock(target.with_suffix(".lock")), target, needed, should_stop)
            try:
                if not _is_whole(target, needed):
                    if needed > limit:
                        return _DecodedImages(paths, preprocessing, _over_the_limit(needed, limit))
                    enforce_limit(folder, limit - needed)
                    free = shutil.disk_usage(folder).free - (_SPARE if mode == "auto" else 0)
                    if needed > free:
                        return _DecodedImages(paths, preprocessing, _short_of_room(needed, folder))
                    _build(target, paths, preprocessing, report, should_stop)
            finally:
                lock.release()
        with suppress(OSError):  # a cache of another user
            os.utime(target)  # the time of last use, by which caches are removed
        return _CachedImages(target, shape)
    except OSError as error:
        return _DecodedImages(paths, preprocessing, f"{_short_of_room(needed, folder)}: {explain(error)}")


def _short_of_room(needed: int, folder: Path) -> str:
    return f"A cache of {bytes_text(needed)} can't be stored in {folder}; images are decoded each time instead"


def _over_the_limit(needed: int, limit: int) -> str:
    return (
        f"A cache of {bytes_text(needed)} is more than compute.cache_limit allows ({bytes_text(limit)}); images are "
        "decoded each time instead"
    )


@dataclass(frozen=True)
class CacheFile:
    """One cache: its file, its size in bytes, and the time of last use (seconds since 1970)."""

    path: Path
    bytes: int
    last_used: float


def cache_files(folder: Path) -> list[CacheFile]:
    """List the complete caches of a folder, the least recently used first; none where the folder is missing."""
    found = []
    for path in (*folder.glob(f"*{_IMAGES_SUFFIX}"), *folder.glob(f"*{FEATURES_SUFFIX}")):
        with suppress(FileNotFoundError):  # another process removed it
            status = path.stat()
            found.append(CacheFile(path, status.st_size, status.st_mtime))
    return sorted(found, key=lambda file: (file.last_used, file.path))


def enforce_limit(folder: Path, limit: int) -> int:
    """Remove the least recently used caches until the remaining ones take at most `limit` bytes.

    A cache in use may be removed: a process that has it open can go on reading it, and the space is freed afterwards.

    Returns:
        How many bytes were removed.
    """
    files = cache_files(folder)
    total, removed = sum(file.bytes for file in files), 0
    for file in files:
        if total - removed <= limit:
            break
        file.path.unlink(missing_ok=True)
        removed += file.bytes
    return removed


def clear_cache(folder: Path) -> int:
    """Remove every cache, and the unfinished ones of processes that died; return how many bytes.

    A cache that is being built stays. So do the empty lock files: without one, two processes could build the same
    cache at once.
    """
    removed = enforce_limit(folder, 0)
    for part in folder.glob("*.part"):
        lock = FileLock(part.with_suffix(".lock"))
        if lock.acquire():
            try:
                with suppress(FileNotFoundError):
                    removed += part.stat().st_size
                    part.unlink()
            finally:
                lock.release()
    return removed


def images_key(paths: Sequence[Path], preprocessing: Preprocessing, digests: Sequence[str] = ()) -> str:
    """Return a digest of these images and of every step up to their pixels.

    Args:
        paths: n files; their sizes and times are part of the key.
        preprocessing: from files to pixels.
        digests: of the files' contents, [n], as they were when the images were checked; empty where nobody knows.

    Raises:
        UnreadableImage: one does not exist.
    """
    digest = hashlib.sha256(
        json.dumps([_VERSION, PIL.__version__, preprocessing.pixel_steps()], sort_keys=True).encode()
    )
    for path, content in zip(paths, digests or [""] * len(paths), strict=True):
        try:
            status = (npz_of(path) or path).stat()
        except OSError:
            raise UnreadableImage(path, "unreadable", "does not exist") from None
        digest.update(os.fsencode(path) + b"\0" + file_state(status) + content.encode() + b"\0")
    return digest.hexdigest()[:40]


def _is_whole(target: Path, needed: int) -> bool:
    try:
        return target.stat().st_size == needed
    except FileNotFoundError:
        return False


def _wait_for(lock: FileLock, target: Path, needed: int, should_stop: ShouldStop | None) -> FileLock:
    while not lock.acquire():
        if should_stop is not None and should_stop():
            raise Interrupted("stopped while another process was preparing the images.")
        if _is_whole(target, needed):
            break
        pause(0.2)
    return lock


def _reserve(handle: int, size: int) -> None:
    if sys.platform == "linux":
        os.posix_fallocate(handle, 0, size)
    else:
        os.ftruncate(handle, size)


def _build(
    target: Path,
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    report: ReportProgress,
    should_stop: ShouldStop | None,
) -> None:
    """Decode all images into a temporary file, then rename it to `target`; the caller holds the lock."""
    part = target.with_suffix(".part")
    size = preprocessing.image_size**2 * 3
    handle = open_unlinked(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        # Reserved first: a full disk is then an error here, not a signal that kills a process reading the memory map.
        _reserve(handle, size * len(paths))

        def decode(index: int) -> None:
            os.pwrite(handle, preprocessing.load(paths[index]).tobytes(), index * size)

        for _ in in_threads(decode, range(len(paths)), report=report, should_stop=should_stop):
            pass
        os.fsync(handle)
        part.replace(target)
        sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
