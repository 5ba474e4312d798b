"""A folder of everything that goes wrong with image files, for whoever reads them."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.engine.data.reading.microscope_files import write_lif

# Names of files that can be read: what stands in a name is no fault of the picture.
NAMES = (
    "with some  spaces.png",
    'it\'s "quoted" `here` $(touch gone).png',
    "two\nlines.png",
    "a\ttab\rand more.png",
    "[red]danger[bold] [link=x] [@click=app.quit].png",
    "\x1b[2J\x1b]0;title\x07.png",
    "\x9b31mcontrol.png",
    "\u202egnp.exe.png",
    "zelle-\u767d\u8840\u7403-\u043b\u0435\u0439\u043a\u043e\u0446\u0438\u0442-\u0628\u064a\u0636.png",
    "=HYPERLINK(1).png",
    "-rf.png",
    "--help.png",
    "%s%n{0}.png",
    "x" * 240 + ".png",
    "UPPER.PNG",
)


def picture(seed: int = 0, side: int = 32) -> Image.Image:
    """Return a picture of its own for each seed."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8))


def encoded(form: str, seed: int = 0, **options: object) -> bytes:
    """Return a picture as a file of that form."""
    buffer = io.BytesIO()
    picture(seed).save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and its checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int, colour: int = 2) -> bytes:
    """Return the beginning of a PNG that says it has this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def tiff(tags: dict[int, int], data: bytes = b"", next_directory: int = 0) -> bytes:
    """Return a TIFF with these tags, each a single LONG, the data at byte 8."""
    at = 8 + len(data) + len(data) % 2
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", next_directory)
    return b"II*\0" + struct.pack("<I", at) + data.ljust(at - 8, b"\0") + directory


def plain_tags(width: int, height: int, samples: int = 1) -> dict[int, int]:
    """Return the tags of an uncompressed grey TIFF of 8 bits whose pixels begin at byte 8."""
    size = width * height * samples
    return {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: samples, 278: height, 279: min(size, 2**31)}


def broken_files() -> dict[str, tuple[bytes, frozenset[str]]]:
    """Return name -> content and the kinds of fault it may be called; "" among them where it may be read, too."""
    jpeg, png, gif, webp, bmp = (encoded(form, 7) for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP"))
    huge_bitmap = struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, *[0] * 6)
    no_palette = png_chunk(b"IDAT", zlib.compress(bytes(72))) + png_chunk(b"IEND", b"")
    idat = zlib.compress(bytes(1 << 16))
    broken = {
        "empty.png": (b"", {"empty"}),
        "empty.czi": (b"", {"empty"}),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], {"truncated"}),
        "truncated.png": (png[: len(png) // 2], {"truncated"}),
        "truncated.gif": (gif[: len(gif) // 2], {"truncated"}),
        "truncated.webp": (webp[: len(webp) // 2], {"truncated"}),
        "truncated.bmp": (bmp[: len(bmp) // 2], {"truncated"}),
        "truncated.tif": (tiff(plain_tags(64, 64), bytes(64 * 64))[:2000], {"truncated", "unreadable"}),
        "copy-broke-off.jpg": (jpeg[: len(jpeg) // 2] + bytes(len(jpeg)), {"truncated"}),
        "header-only.jpg": (jpeg[:3], {"truncated", "unreadable"}),
        "text.jpg": (b"This is a list of my images.\n", {"not-an-image"}),
        "page.png": (b"<!DOCTYPE html><title>404 Not Found</title>", {"not-an-image"}),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', {"not-an-image"}),
        "paper.tif": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", {"not-an-image"}),
        "postscript.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run", {"not-an-image"}),
        "archive.png": (b"PK\x03\x04" + bytes(60), {"not-an-image"}),
        "zeros.png": (bytes(4096), {"not-an-image"}),
        "random.tif": (np.random.default_rng(1).bytes(3000), {"not-an-image"}),
        "bomb.png": (png_header(50_000, 50_000) + png_chunk(b"IDAT", idat) + png_chunk(b"IEND", b""), {"too-large"}),
        "text-bomb.png": (
            png_header(1, 1) + png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 27))) + png[33:],
            {"unreadable", "truncated", "too-large"},
        ),
        "zero-wide.png": (png_header(0, 10) + png_chunk(b"IDAT", idat), {"unreadable", "truncated"}),
        "zero-size.pgm": (b"P5 0 0 255\n", {"unreadable", "truncated"}),
        "zero-size.tif": (tiff(plain_tags(0, 0)), {"unreadable", "truncated"}),
        "huge.pgm": (b"P5 99999999 99999999 65535\n", {"too-large", "truncated"}),
        "huge.bmp": (b"BM" + huge_bitmap, {"too-large", "truncated", "unreadable"}),
        "huge.tif": (tiff(plain_tags(2**31 - 1, 2**31 - 1)), {"too-large"}),
        "many-samples.tif": (tiff(plain_tags(64, 64, 60_000)), {"unreadable", "truncated", "too-large"}),
        "loop.tif": (tiff(plain_tags(4, 4), bytes(16), next_directory=24), {"", "unreadable", "truncated"}),
        "loop-to-itself.tif": (b"II*\0" + struct.pack("<IHI", 8, 0, 8), {"unreadable", "truncated"}),
        "directory-outside.tif": (b"II*\0" + struct.pack("<I", 2**31), {"unreadable", "truncated"}),
        "no-palette.png": (png_header(8, 8, 3) + no_palette, {"", "unreadable"}),
        "bad-checksum.png": (png[:60] + bytes([png[60] ^ 255]) + png[61:], {"unreadable", "truncated", ""}),
        "bad-scan.jpg": (jpeg[:-40] + b"\xff\xd9" + jpeg[-38:], {"unreadable", "truncated", ""}),
        "garbage.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), {"unreadable", "truncated"}),
        "garbage.avif": (b"\0\0\0\x1cftypavif" + bytes(200), {"unreadable", "truncated"}),
        "garbage.czi": (b"ZISRAWFILE" + bytes(600), {"unreadable", "truncated"}),
        "garbage.nd2": (b"\xda\xce\xbe\x0a" + bytes(600), {"unreadable", "truncated"}),
        "garbage.lif": (struct.pack("<IIBI", 0x70, 99, 0x2A, 20) + bytes(90), {"unreadable", "truncated"}),
        "laughs.lif": (_laughs(), {"unreadable", "truncated"}),
    }
    return {name: (content, frozenset(kinds)) for name, (content, kinds) in broken.items()}


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
    xml = f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><x>&l11;</x>'.encode("utf-16-le")
    return struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml


def fill(folder: Path) -> dict[str, frozenset[str]]:
    """Fill a class folder with hostile files.

    Returns:
        The names of those that are listed as images, with the kinds of fault that each may be called; "" where it
        may be read.
    """
    folder.mkdir(parents=True)
    listed: dict[str, frozenset[str]] = {}
    fine = frozenset({""})
    for seed, name in enumerate(NAMES):
        with suppress(OSError):  # a file system may forbid a name
            picture(seed).save(folder / name, "PNG")
            listed[name] = fine
    with suppress(OSError):
        name = os.fsdecode(b"latin-\xe9\xff.png")  # bytes that are not UTF-8
        (folder / name).write_bytes(encoded("PNG", 90))
        listed[name] = fine
    for name, (content, kinds) in broken_files().items():
        (folder / name).write_bytes(content)
        listed[name] = kinds
    frames = [picture(seed) for seed in (100, 101, 102)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    picture(103, 1).save(folder / "one-pixel.png")
    Image.fromarray(np.zeros((1, 3000), np.uint8)).save(folder / "a-line.png")
    picture(104).save(folder / "really-a-png.jpg", "PNG")
    picture(105).save(folder / "bad-exif.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    strange = np.random.default_rng(3).normal(size=(16, 16)).astype(np.float32)
    strange[0] = np.nan
    strange[1], strange[2] = np.inf, -np.inf
    tifffile.imwrite(folder / "nan.tif", strange)
    tifffile.imwrite(folder / "only-nan.tif", np.full((16, 16), np.nan, np.float32))
    tifffile.imwrite(folder / "complex.tif", strange[3:].astype(np.complex64))
    write_lif(folder / "no-picture.lif", np.zeros((1, 1, 0, 0), np.uint16))
    for name in ("animated.gif", "one-pixel.png", "a-line.png", "really-a-png.jpg", "bad-exif.jpg", "nan.tif"):
        listed[name] = fine
    listed |= {
        "only-nan.tif": fine,
        "complex.tif": frozenset({"unreadable"}),
        "no-picture.lif": frozenset({"unreadable"}),
    }
    for name in ("sparse.png", "sparse.tif", "sparse.czi"):
        with (folder / name).open("wb") as file:  # a terabyte that takes no room
            file.write({"p": b"\x89PNG", "t": b"II*\0" + struct.pack("<I", 8), "c": b"ZISRAWFILE"}[name[7]])
            with suppress(OSError):
                file.truncate(1 << 40)
        listed[name] = frozenset({"too-large", "unreadable", "truncated"})
    _special(folder)
    (folder / "inside").symlink_to("animated.gif")  # no suffix: another file
    (folder / "link.png").symlink_to("one-pixel.png")
    listed["link.png"] = fine
    return listed


def _special(folder: Path) -> None:
    """Add what is no file, and what is hidden: none of it is listed as an image."""
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as made, suppress(OSError):  # a path may be too long for one
        made.bind(str(folder / "socket.png"))
    (folder / "broken-link.png").symlink_to("nowhere.png")
    (folder / "loop-a.png").symlink_to("loop-b.png")
    (folder / "loop-b.png").symlink_to("loop-a.png")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "outside.png").symlink_to("/etc/passwd")
    (folder / "endless.png").symlink_to("/dev/zero")
    for name in (".hidden.png", "._resource.png", "Thumbs.db", "desktop.ini", "~$open.png", ".DS_Store"):
        (folder / name).write_bytes(encoded("PNG", 200))
    (folder / "notes.txt").write_text("not an image")
