"""Values are what the file says: every combination is read as it was stored, or refused; none is read wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.reading.read_image import read_image
from tests.engine.data.reading.matrix import Form, all_forms, tally, write_all

FORMS = tuple(all_forms())
SOME = 13  # has no divisor in common with the numbers of choices, so that every choice is among each thirteenth form
WITHOUT_CODECS = """
import json, sys
sys.modules["imagecodecs"] = None
from pathlib import Path
from tests.engine.data.reading.matrix import all_forms, tally
folder = Path(sys.argv[1])
counts, others = tally([form for form in all_forms() if (folder / form.name).exists()], folder)
print(json.dumps([counts, others]))
"""


PICTURES = """
from pathlib import Path
from aimic_tui.engine.data.reading.read_image import read_image
print(json.dumps({path.name: read_image(path).tolist() for path in Path(sys.argv[1]).iterdir()}))
"""


def without_imagecodecs(folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Read all forms that lie in the folder in a process that can't import imagecodecs; see `tally`."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_CODECS, str(folder)], capture_output=True, check=True)
    counts, others = json.loads(done.stdout)
    return counts, others


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("matrix")
    assert len(write_all(FORMS[::SOME], path)) == len(FORMS[::SOME])
    return path


def test_every_form_comes_back_as_it_was_stored(folder):
    counts, others = tally(FORMS[::SOME], folder)
    assert others == {}
    assert counts == {"equal": len(FORMS[::SOME])}


def test_without_imagecodecs_none_is_wrong_and_the_plain_ones_are_read(folder):
    counts, others = without_imagecodecs(folder)
    assert counts.keys() == {"equal", "refused"}
    assert all("imagecodecs" in said for said in others.values())
    needs = {name.split("-")[4] for name in others}
    assert needs >= {"lzw", "zstd", "jpeg2000", "webp"}
    assert not [name for name in others if "-none-none-" in name and not name.startswith(("uint4", "uint12"))]


def test_what_pillow_reads_without_imagecodecs(tmp_path):
    """The list in `tiff_decoder`: an entry that Pillow reads wrongly fails here."""
    forms = [
        Form("uint8", kind, "contig", order, compression, predictor, tiled)
        for kind in ("black", "white", "rgb", "palette")
        for compression in ("lzw", "zlib", "packbits", "lzma", "zstd")
        for order in "<>"
        for predictor in ("none", "horizontal")
        for tiled in (False, True)
        if compression != "packbits" or predictor == "none"
    ]
    write_all(forms, tmp_path)
    assert without_imagecodecs(tmp_path) == ({"equal": len(forms)}, {})


def test_fax_and_jpeg_are_the_same_without_imagecodecs(tmp_path):
    """They have no lossless twin; two decoders that agree are the proof."""
    random = np.random.default_rng(0)
    ink = Image.fromarray(random.integers(0, 2, (24, 40)).astype(bool))
    for compression in ("group3", "group4", "tiff_ccitt"):
        for photometric in (0, 1):
            ink.save(
                tmp_path / f"{compression}-{photometric}.tif", compression=compression, tiffinfo={262: photometric}
            )
    ramp = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)
    picture = Image.fromarray(np.stack([ramp, 255 - ramp, ramp // 2], axis=2))
    for mode in ("L", "RGB", "YCbCr"):
        picture.convert(mode).save(tmp_path / f"{mode}.tif", compression="jpeg", quality=90)
    code = WITHOUT_CODECS.partition("from pathlib")[0] + PICTURES
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True)
    assert json.loads(done.stdout) == {path.name: read_image(path).tolist() for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_all_combinations(tmp_path, record_property):
    """All of them, with imagecodecs and without: a faulty combination may hide between those of the fast test."""
    assert len(write_all(FORMS, tmp_path)) == len(FORMS)
    counts, others = tally(FORMS, tmp_path)
    assert others == {}
    hidden, _ = without_imagecodecs(tmp_path)
    record_property("with imagecodecs", dict(counts))  # --junit-xml writes them down
    record_property("without imagecodecs", dict(hidden))
    assert hidden.keys() == {"equal", "refused"}
