"""What a file is that is named like an image and isn't one, by its first bytes, and what helps.

A camera's format that isn't read, a placeholder for an image that was not downloaded, an error page saved as a picture:
each has a remedy of its own, which "not an image" would hide.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

_SAVE = "save it as PNG or TIFF"
_FRAMES = "save the frames to be classified as PNG or TIFF"
_UNPACK = "unpack it"
_VOLUME = "save the planes to be classified as TIFF"
_ARRAY = "save each image of it as TIFF"
_EXPORT = "export the picture as PNG or TIFF"
_CONVERT = "convert it to OME-TIFF, for example with Bio-Formats or Fiji"
_SLIDE = "export regions as TIFF, for example with QuPath"
_DEVELOP = "develop it into TIFF, all images in the same way"
_DECRYPT = "decrypt it first"
_AGAIN = "download it again"
_TEXT = "look into it with a text editor"

_LOOKED_AT = 1 << 14  # bytes of a file
_MOST_TEXT = 2048  # bytes that tell a text
_IMAGE = re.compile(rb"\xff\xd8\xff[\xdb\xe0\xe1\xe2\xee]|\x89PNG\r\n\x1a\n|GIF8[79]a|II\*\0|MM\0\*", re.DOTALL)
_LATE = 64  # bytes before an image that were written there by mistake


@dataclass(frozen=True)
class ForeignContent:
    """What a file is instead of an image.

    Attributes:
        what: with its article: "a web page".
        remedy: what helps, as an order: "download it again".
    """

    what: str
    remedy: str

    @property
    def detail(self) -> str:
        """The rest of a sentence that begins with the file."""
        return f"is {self.what}, not an image: {self.remedy}"


def foreign_content(content: bytes) -> ForeignContent | None:
    """Say what a file is that does not begin as an image that is read; None where its content is not known.

    Args:
        content: of the file, or its beginning.
    """
    whole, content = content, content[:_LOOKED_AT]
    for pattern, what, remedy in _MAGIC:
        if pattern.match(content):
            return ForeignContent(what, remedy)
    for place, magic, what, remedy in _FURTHER_IN:
        if content[place : place + len(magic)] == magic:
            return ForeignContent(what, remedy)
    if not whole.strip(b"\0"):
        return ForeignContent("nothing but zeros", "its content was never written; copy or download it again")
    late = _IMAGE.search(content[: _LATE + 8])
    if late:
        return ForeignContent(
            f"an image behind {late.start()} bytes of something else", "export or download it again, without them"
        )
    return _text(content)


def container_without_pixels(suffix: str, content: bytes) -> ForeignContent | None:
    """Name a file that begins as an image which is not its picture: a preview, a thumbnail or an index; else None.

    Args:
        suffix: of its name, in lower case.
        content: of the file, or its beginning.
    """
    if suffix in _BESIDE:
        return ForeignContent(f"the index of a {_BESIDE[suffix]} slide, whose pixels are in a folder beside it", _SLIDE)
    tiff = content[:4] in (b"II*\0", b"MM\0*")
    if tiff and (content[8:10] == b"CR" or suffix in _RAW_SUFFIXES or _has_tag(content, _DNG_VERSION)):
        return ForeignContent("a raw photograph", _DEVELOP)
    return None


_BESIDE = {".mrxs": "MIRAX (3DHISTECH)", ".vsi": "VSI (Olympus, Evident)", ".vms": "Hamamatsu", ".vmu": "Hamamatsu"}
_RAW_SUFFIXES = {".nef", ".nrw", ".arw", ".sr2", ".srf", ".pef", ".srw", ".3fr", ".iiq", ".dng", ".cr2", ".kdc", ".dcr"}
_DNG_VERSION = 50706


def _has_tag(content: bytes, wanted: int) -> bool:
    """Tell whether a TIFF's first directory has a tag."""
    order = "<" if content.startswith(b"II") else ">"
    try:
        (place,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, place)
        tags = (struct.unpack_from(f"{order}H", content, place + 2 + 12 * number)[0] for number in range(count))
        return wanted in tags
    except struct.error:
        return False


def _of(name: bytes) -> re.Pattern[bytes]:
    return re.compile(name, re.DOTALL)


_HEAD = rb"[\s\xef\xbb\xbf]*"  # blanks and a byte order mark before a text
_MAGIC: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    # placeholders, and files that were never images
    (
        _of(rb"version https://(git-lfs|hawser)"),
        "a Git LFS pointer",
        "the image was not downloaded; run `git lfs pull` in its repository",
    ),
    (
        _of(rb"(/annex/objects/|\.\./.*\.git/annex/objects/|\.git/annex/objects/)"),
        "a git-annex pointer",
        "the image was not downloaded; run `git annex get` in its repository",
    ),
    (_of(_HEAD + rb"outs:\s*\n\s*- "), "a DVC pointer", "the image was not downloaded; run `dvc pull`"),
    (
        _of(_HEAD + rb"\{[^}]{0,400}(docs|drive)\.google\.com"),
        "a link to a Google document",
        "download the image from Google Drive",
    ),
    (_of(rb"bplist00"), "a property list of macOS, as iCloud leaves for an image", "download the image in the Finder"),
    (_of(rb"\0\x05\x16[\0\x07]"), "an AppleDouble file of macOS (the `._` beside an image)", "delete it"),
    (_of(rb"\0\0\0\x01Bud1"), "a .DS_Store of macOS", "delete it"),
    (_of(rb"L\0\0\0\x01\x14\x02\0"), "a shortcut of Windows", "copy the image itself"),
    (_of(_HEAD + rb"\[InternetShortcut\]"), "a link to a web page", "download the image"),
    # phones and newer picture formats
    (
        _of(rb"....ftyp(hei[cxms]|hev[cx]|mif1|msf1)"),
        "a HEIC photograph",
        "save it as PNG, or set the phone or camera to store JPEG",
    ),
    (_of(rb"\xff\x0a|\0\0\0\x0cJXL "), "a JPEG XL image, which is not read", _SAVE),
    (_of(rb"II\xbc"), "a JPEG XR image, which is not read", _SAVE),
    (_of(rb"qoif|FLIF|BPG\xfb"), "an image in a format that is not read", _SAVE),
    (_of(rb"v/1\x01|#\?(RADIANCE|RGBE)"), "a high dynamic range image, which is not read", "save it as TIFF"),
    (_of(rb"\x0a[\0-\x05]\x01[\x01\x02\x04\x08]"), "a PCX image, which is not read", _SAVE),
    (_of(rb"DDS "), "a DDS texture", _SAVE),
    (_of(rb"\0\0[\x01\x02]\0[^\0]\0"), "an icon of Windows", _SAVE),
    (_of(rb"\x01\xda[\0\x01][\x01\x02]"), "an SGI image, which is not read", _SAVE),
    (_of(rb"P[Ff]\s"), "a PFM image, which is not read", "save it as TIFF"),
    (_of(rb"P7\s"), "a PAM image, which is not read", _SAVE),
    # documents and drawings
    (_of(_HEAD + rb"%PDF"), "a PDF", _EXPORT),
    (_of(rb"%!PS|\xc5\xd0\xd3\xc6"), "a PostScript file (EPS)", _EXPORT),
    (_of(rb"8BPS"), "a Photoshop file", _EXPORT),
    (_of(rb"gimp xcf"), "a GIMP file", _EXPORT),
    (_of(rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"), "a drawing of Windows", _EXPORT),
    (_of(rb"\{\\rtf"), "a document (RTF)", _EXPORT),
    # raw cameras
    (_of(rb"IIRO|IIRS|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|....ftypcrx|\0MRM"), "a raw photograph", _DEVELOP),
    # films and sound
    (
        _of(rb"RIFF....AVI |....ftyp|....moov|....mdat|\x1aE\xdf\xa3|0&\xb2u|\0\0\x01[\xba\xb3]|FLV\x01"),
        "a film",
        _FRAMES,
    ),
    (_of(rb"RIFF....WAVE|ID3|OggS|fLaC"), "a sound recording", "take it out"),
    # science
    (_of(rb"\x89HDF\r\n"), "an HDF5 file (Imaris and others)", _ARRAY),
    (_of(rb"MATLAB [57]"), "a MATLAB file", _ARRAY),
    (_of(rb"\x93NUMPY"), "a NumPy array", _ARRAY),
    (_of(rb"CDF[\x01\x02\x05]"), "a NetCDF file", _ARRAY),
    (_of(rb"NRRD000"), "an NRRD volume", _VOLUME),
    (_of(rb"(ObjectType|NDims|Comment)\s*=\s"), "a MetaImage volume (.mha, .mhd)", _VOLUME),
    (_of(rb"SIMPLE  =  "), "a FITS file", _ARRAY),
    (_of(rb"ics_version"), "an ICS file", _CONVERT),
    (_of(rb"(\xff\xfe)?\[\0?F\0?i\0?l\0?e\0?I\0?n\0?f\0?o"), "an OIF file of Olympus", _CONVERT),
    (_of(rb"OLYMPUSRAWFORMAT"), "an OIR file of Olympus", _CONVERT),
    (_of(rb"SIS\0"), "a VSI file of Olympus", _SLIDE),
    (_of(rb"CWFH|<VSI"), "a slide in a format that is not read", _SLIDE),
    # archives, programs, data bases
    (_of(rb"PK\x03\x04.{0,2000}?(word|xl|ppt)/"), "an Office document", _EXPORT),
    (_of(rb"PK\x03\x04.{26}[^/]{0,200}?\.npy"), "an archive of NumPy arrays (.npz)", _ARRAY),
    (_of(rb"PK\x03\x04|PK\x05\x06"), "a zip archive", _UNPACK),
    (_of(rb"\x1f\x8b"), "a gzip archive", _UNPACK),
    (_of(rb"BZh[1-9]|\xfd7zXZ\0|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|7z\xbc\xaf|Rar!\x1a"), "an archive", _UNPACK),
    (
        _of(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        "a container of Windows (OIB or ZVI of a microscope, Thumbs.db, an old Office document)",
        _CONVERT,
    ),
    (_of(rb"SQLite format 3"), "a data base", _EXPORT),
    (_of(rb"\x80[\x02-\x05][\x95\]}c(]"), "a pickle of Python, which could run code and is not opened", _ARRAY),
    (_of(rb"PAR1"), "a Parquet table", _ARRAY),
    (_of(rb"MZ|\x7fELF|\xcf\xfa\xed\xfe"), "a program", "take it out"),
    # encrypted
    (
        _of(rb"Salted__|-----BEGIN PGP|age-encryption\.org|\0GITCRYPT\0|\x85[\x01\x02].\x03|%TSD-Header"),
        "encrypted",
        _DECRYPT,
    ),
    # images that something damaged
    (
        _of(rb"\x89PNG(\n|\r\r\n)|\x89PNG\r\n\x1a\r\n|\x89PNG\n\x1a"),
        "a PNG that a transfer in text mode damaged",
        "copy it again in binary mode",
    ),
    (
        _of(rb"\xef\xbf\xbd(PNG|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd)|\xc2\x89PNG|\xc3\xbf\xc3\x98"),
        "an image that was saved as text",
        "its values are lost; copy it again from where it came",
    ),
    (
        _of(_HEAD + rb"(data:image/|/9j/4AAQ|/9j/[24]|iVBORw0KGgo|R0lGOD|SUkqA|TU0AK)"),
        "an image written as text (base64)",
        "decode it, for example with `base64 --decode`",
    ),
    # texts
    (_of(_HEAD + rb"(<\?xml.{0,500}?)?(<!--.{0,500}?-->\s*)?(<!DOCTYPE svg|<svg)"), "a drawing (SVG)", _EXPORT),
    (
        re.compile(_HEAD + rb"(<\?xml.{0,200}?)?<Error>.{0,200}<Code>", re.DOTALL | re.I),
        "an error message of a server",
        _AGAIN,
    ),
    (
        re.compile(
            _HEAD + rb"(<!--.{0,500}?-->\s*)?(<\?xml.{0,200}?)?<(!DOCTYPE html|html|head|body|script|meta)",
            re.DOTALL | re.I,
        ),
        "a web page",
        f"{_AGAIN}; it may be the error page or the login of a server",
    ),
    (_of(_HEAD + rb"<\?xml|" + _HEAD + rb"<[A-Za-z]"), "an XML file", _TEXT),
    (_of(_HEAD + rb'(\{\s*("|\})|\[\s*[\{\["])'), "a JSON text", f"{_AGAIN}; it may be the error message of a server"),
)

_FURTHER_IN = (
    (128, b"DICM", "a DICOM image", "convert it to PNG or TIFF, for example with dcm2pnm or Fiji"),
    (344, b"n+1\0", "a NIfTI volume", _VOLUME),
    (344, b"ni1\0", "a NIfTI volume", _VOLUME),
    (208, b"MAP ", "an MRC volume", _VOLUME),
    (96, b"\xa0\xc0", "a DV file (DeltaVision)", _CONVERT),
    (96, b"\xc0\xa0", "a DV file (DeltaVision)", _CONVERT),
    (257, b"ustar", "a tar archive", _UNPACK),
)


def _text(content: bytes) -> ForeignContent | None:
    """Recognise a text in any encoding; None where it is none."""
    beginning = content[:_MOST_TEXT]
    decoders: tuple[Callable[[], str], ...] = (
        lambda: beginning.decode("utf-16") if beginning[:2] in (b"\xff\xfe", b"\xfe\xff") else "\0",
        lambda: beginning.decode("utf-8", "ignore" if len(content) > _MOST_TEXT else "strict"),
        lambda: beginning.decode("cp1252"),
    )
    for decoded in decoders:
        try:
            text = decoded()
        except UnicodeDecodeError:
            continue
        if text and sum(char.isprintable() or char in "\r\n\t" for char in text) >= 0.97 * len(text):
            return ForeignContent("a text", _TEXT)
    return None
