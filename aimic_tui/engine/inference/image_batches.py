"""Image files in batches, decoded in threads ahead of the networks: the one way from files to what networks are shown.

Needs no torch; `run_networks` gives the batches to networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.pixels import Rgb
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_bytes
from aimic_tui.engine.data.threads import in_threads
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.files import digest_of_bytes
from aimic_tui.engine.inference.reference import short_digest
from aimic_tui.engine.progress import Progress, ReportProgress, no_report

Pixels = Mapping[Preprocessing, Rgb]
"""An image as each of several models is shown it: uint8 [S, S, 3] by the model's preprocessing."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An image file, read.

    Attributes:
        pixels: empty where it can't be read.
        digest: `short_digest` of the file; 0 where none was asked for or it can't be read.
        problem: why it can't be read, else "".
    """

    pixels: Pixels
    digest: int = 0
    problem: str = ""


def image_batches(
    paths: Sequence[Path],
    preprocessings: Sequence[Preprocessing],
    batch_size: int,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
    with_digests: bool = False,
    before: int = 0,
    total: int | None = None,
    consequence: str = "nothing was written.",
) -> Iterator[list[DecodedImage]]:
    """Yield the images of files in batches, in their order; one that can't be read says so, and is not raised.

    Args:
        preprocessings: of the models; each different one is applied once.
        report: hears how many images are done, whenever the next batch is asked for.
        should_stop: asked as often.
        with_digests: also digest the files.
        before: images that were done before these.
        total: images of all the work; None for `before` and these.
        consequence: what a stop means for the person, the end of its sentence.

    Raises:
        Interrupted: `should_stop` said so, and there are images left.
    """
    different = list(dict.fromkeys(preprocessings))
    done, total = before, before + len(paths) if total is None else total
    images = in_threads(lambda path: _decode(path, different, with_digest=with_digests), paths)
    report(Progress("predict", done, total))
    while batch := list(islice(images, batch_size)):
        yield batch
        done += len(batch)
        report(Progress("predict", done, total))
        if should_stop() and done < total:
            raise Interrupted(f"stopped after {done:,} of {total:,} images; {consequence}")


def _decode(path: Path, preprocessings: Sequence[Preprocessing], *, with_digest: bool) -> DecodedImage:
    try:
        digest = short_digest(digest_of_bytes(read_bytes(path))) if with_digest else 0
        return DecodedImage({each: each.load(path) for each in preprocessings}, digest)
    except UnreadableImage as problem:
        return DecodedImage({}, problem=problem.detail)
    except MemoryError:
        return DecodedImage({}, problem="is too large for this machine's memory")
