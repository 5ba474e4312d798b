"""What people bring as an image and isn't one is called by its name, with what helps."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image
from aimic_tui.engine.experiment import DataSettings


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.png"), io.BytesIO())
    return content.getvalue()


def saved(form: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(content, form)
    return content.getvalue()


def array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    return content.getvalue()


NAMED: dict[str, tuple[bytes, str, str]] = {
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", "JPEG"),
    "heif": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC", "JPEG"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS", "git lfs pull"),
    "annex": (b"/annex/objects/SHA256E-s31390--f50d.jpg\n", "git-annex", "git annex get"),
    "dvc": (b"outs:\n- md5: a304\n  size: 3\n  path: a.png\n", "DVC", "dvc pull"),
    "web page": (b"<!DOCTYPE html>\n<html><head><title>404", "web page", "download it again"),
    "web page, other case": (b"\xef\xbb\xbf\r\n<HTML><body>Sign in", "web page", "login"),
    "xhtml": (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML">', "web page", "download"),
    "s3": (
        b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>',
        "error message of a server",
        "download it again",
    ),
    "json": (b'{"message": "Not Found", "status": 404}', "JSON", "download it again"),
    "dicom": (bytes(128) + b"DICM\x02\0\0\0UL", "DICOM", "PNG or TIFF"),
    "zeros": (bytes(5000), "zeros", "again"),
    "text": (b"Slide 3, stained on Monday.\n", "text", "editor"),
    "text of Windows": ("Färbung".encode("utf-16"), "text", "editor"),
    "Latin text": ("Färbung der Zellen".encode("cp1252"), "text", "editor"),
    "AppleDouble": (b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", "AppleDouble", "delete"),
    "gdoc": (b'{"url": "https://docs.google.com/open?id=1"}', "Google", "download"),
    "icloud": (b"bplist00\xd4\x01\x02", "iCloud", "download"),
    "lnk": (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0", "shortcut", "copy"),
    "url": (b"[InternetShortcut]\r\nURL=http://x/a.png\r\n", "link to a web page", "download"),
    "pdf": (b"%PDF-1.7\n", "PDF", "export"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript", "export"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG", "export"),
    "psd": (b"8BPS\0\x01" + bytes(20), "Photoshop", "export"),
    "docx": (zipped("[Content_Types].xml", "word/document.xml"), "Office", "export"),
    "zip": (zipped("a/1.png"), "zip", "unpack"),
    "gz": (gzip.compress(b"x"), "gzip", "unpack"),
    "bz2": (bz2.compress(b"x"), "archive", "unpack"),
    "xz": (lzma.compress(b"x"), "archive", "unpack"),
    "tar": (tarred(), "tar", "unpack"),
    "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "OIB", "OME-TIFF"),
    "oif": ("[FileInformation]\r\n".encode("utf-16"), "OIF", "OME-TIFF"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5", "TIFF"),
    "mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB", "TIFF"),
    "npy": (array(), "NumPy", "TIFF"),
    "npz": (zipped("arr_0.npy"), "NumPy", "TIFF"),
    "pickle": (pickle.dumps([1, 2]), "pickle", "TIFF"),
    "nifti": (struct.pack("<I", 348) + bytes(340) + b"n+1\0" + bytes(9), "NIfTI", "TIFF"),
    "nrrd": (b"NRRD0004\ntype: uint8\n", "NRRD", "TIFF"),
    "mha": (b"ObjectType = Image\nNDims = 3\n", "MetaImage", "TIFF"),
    "mrc": (b"\x08" + bytes(207) + b"MAP " + bytes(800), "MRC", "TIFF"),
    "fits": (b"SIMPLE  =                    T", "FITS", "TIFF"),
    "dv": (b"\x08" + bytes(95) + b"\xa0\xc0" + bytes(900), "DeltaVision", "OME-TIFF"),
    "raf": (b"FUJIFILMCCD-RAW 0201", "raw photograph", "develop"),
    "cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw photograph", "develop"),
    "cr2": (b"II*\0\x10\0\0\0CR\x02\0" + bytes(90), "raw photograph", "develop"),
    "avi": (b"RIFF\x10\0\0\0AVI LIST", "film", "frames"),
    "mp4": (b"\0\0\0\x18ftypisom\0\0\2\0", "film", "frames"),
    "mkv": (b"\x1aE\xdf\xa3\x93\x42", "film", "frames"),
    "jxl": (b"\xff\x0a\xfa\x1f\x01", "JPEG XL", "PNG or TIFF"),
    "jxl, boxed": (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", "PNG or TIFF"),
    "jxr": (b"II\xbc\x01\x08\0\0\0", "JPEG XR", "PNG or TIFF"),
    "ico": (saved("ICO"), "icon", "PNG or TIFF"),
    "pcx": (saved("PCX"), "PCX", "PNG or TIFF"),
    "openssl": (b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08", "encrypted", "decrypt"),
    "git-crypt": (b"\0GITCRYPT\0\x01\x02", "encrypted", "decrypt"),
    "text mode": (saved("PNG").replace(b"\r\n", b"\n"), "text mode", "binary mode"),
    "to CRLF": (saved("PNG").replace(b"\n", b"\r\n"), "text mode", "binary mode"),
    "as UTF-8": (saved("JPEG").decode("latin-1").encode(), "saved as text", "copy it again"),
    "replaced": (saved("PNG").decode("utf-8", "replace").encode(), "saved as text", "copy it again"),
    "base64": (b"iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAG", "base64", "decode"),
    "late": (b"\r\n" + saved("JPEG"), "an image behind 2 bytes", "again"),
    "parquet": (b"PAR1\x15\x04", "Parquet", "TIFF"),
    "sqlite": (b"SQLite format 3\0", "data base", "export"),
    "program": (b"\x7fELF\x02\x01\x01", "program", "take it out"),
}


@pytest.mark.parametrize("name", NAMED)
def test_it_is_called_by_its_name_with_what_helps(tmp_path, name):
    content, what, remedy = NAMED[name]
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert caught.value.kind == "not-an-image"
    assert what in caught.value.detail
    assert remedy in caught.value.detail
    assert "\n" not in caught.value.sentence


def test_a_run_is_told_the_same(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((8, 8), ord(name), np.uint8)).save(tmp_path / name / "1.png")
    (tmp_path / "a" / "2.png").write_bytes(NAMED["lfs"][0])
    checks = check_images(find_data_set(DataSettings(path=str(tmp_path), group="none")))
    assert [problem.detail for problem in checks.problems] == [
        "is a Git LFS pointer, not an image: the image was not downloaded; run `git lfs pull` in its repository"
    ]


@pytest.mark.parametrize("suffix", [".mrxs", ".vsi", ".nef", ".dng"])
def test_a_preview_is_not_taken_for_the_picture(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(saved("JPEG" if suffix == ".mrxs" else "TIFF"))
    with pytest.raises(UnreadableImage, match=r"pixels are in a folder beside it|raw photograph"):
        read_image(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_dng_is_known_by_its_tag_whatever_its_name(tmp_path, order):
    head = b"II*\0" if order == "<" else b"MM\0*"
    tags = struct.pack(f"{order}HHHI4s", 1, 50706, 1, 4, b"\1\4\0\0")
    (tmp_path / "x.tif").write_bytes(head + struct.pack(f"{order}I", 8) + tags + bytes(4))
    with pytest.raises(UnreadableImage, match="raw photograph"):
        read_image(tmp_path / "x.tif")


def test_a_link_of_git_annex_says_what_fetches_the_image(tmp_path):
    (tmp_path / "x.png").symlink_to("../.git/annex/objects/aa/bb/SHA256E-s3--x.png/SHA256E-s3--x.png")
    with pytest.raises(UnreadableImage, match="git annex get"):
        read_image(tmp_path / "x.png")
    (tmp_path / "y.png").symlink_to("gone.png")
    with pytest.raises(UnreadableImage, match=r"is a link to gone\.png, which does not exist"):
        read_image(tmp_path / "y.png")


def test_what_is_not_known_is_not_guessed(tmp_path):
    for seed in range(50):
        (tmp_path / "x.tif").write_bytes(b"\x93" + np.random.default_rng(seed).bytes(3000))
        with pytest.raises(UnreadableImage, match="is not an image of a known format"):
            read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("filler", [b"<", b" ", b"PK\x03\x04", b"{", b"<!--", b"<?xml ", b"[", b"\0\0\1\0"])
def test_naming_takes_no_time_on_large_files(tmp_path, filler: bytes):
    (tmp_path / "x.png").write_bytes(filler * (5_000_000 // len(filler)))
    started = time.perf_counter()
    with pytest.raises(UnreadableImage):
        read_image(Path(tmp_path / "x.png"))
    assert time.perf_counter() - started < 2
