"""What a file or folder is by its name: an image, the system's own, a placeholder, or in a format that isn't read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from aimic_tui.engine.text import listed, plural

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"}
    | {".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pnm", ".pbm", ".avif", ".czi", ".nd2", ".lif"}
    # TIFF by another name, as microscopes, slide scanners and writers of large files call it
    | {".lsm", ".stk", ".btf", ".tf2", ".tf8", ".svs", ".qptiff", ".scn", ".ndpi", ".bif", ".ptif", ".ptiff"}
)

# Exact names only (in any case): a class may well be called thumbnails or trash.
_SYSTEM_NAMES = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}
    | {"$recycle.bin", "recycler", "recycled", "system volume information", "found.000"}  # Windows
    | {"__macosx", "network trash folder", "temporary items"}  # macOS, and file servers for it
    | {"thevolumesettingsfolder", "thefindbycontentfolder"}
    | {"@eadir", "#recycle", "#snapshot", "@tmp", "@sharesnap"}  # Synology
    | {"@recycle", "@recently-snapshot", "@qsys"}  # QNAP
    | {"~snapshot", "lost+found", "lost&found", "__pycache__"}
)

# What Windows stores beside a file, as a copy to another system makes a file of it.
_STREAMS = (":zone.identifier", ":encryptable", "@synoeastream", "@synoresource")

# Files that stand for one in a cloud, and the service that fetches it. iCloud writes .NAME.icloud.
_PLACEHOLDERS = {
    ".icloud": "iCloud",
    ".nextcloud": "Nextcloud",
    ".owncloud": "ownCloud",
    ".cloud": "odrive",
    ".cloudf": "odrive",  # a whole folder
}
# Left by a browser or a copying program that has not finished.
_UNFINISHED_SUFFIXES = frozenset(
    {".crdownload", ".part", ".partial", ".filepart", ".download", ".opdownload", ".aria2", ".!ut", ".tmp"}
)
_OF_RSYNC = re.compile(r"\.(?P<name>.+\.[A-Za-z0-9]+)\.[A-Za-z0-9]{6}")

_MICROSCOPE = "microscope formats that are not read. Convert them to OME-TIFF, for example with Bio-Formats or Fiji"
_SLIDE = "whole slides in a format that is not read. Export regions or tiles as TIFF, for example with QuPath"
_DICOM = "DICOM files, which are not read. Convert them to PNG or TIFF"
_HEIF = "HEIF photographs, which are not read. Convert them to PNG, or set the phone to save JPEG"
_RAW = "raw photographs, which are not read. Develop them into TIFF, all in the same way"
_GRAPHICS = "graphics, not images as a camera stores them. Export them as PNG or TIFF"
_ARRAY = "arrays or volumes, which are not read in folders. Save one image a file, as TIFF"
_OTHER = "images in a format that is not read. Save them as PNG or TIFF"
_VIDEO = "videos. Save the frames that are to be classified as PNG or TIFF"
_ARCHIVE = "archives. Unpack them"
_NOT_READ: dict[str, str] = {
    **dict.fromkeys(
        (".vsi", ".oib", ".oif", ".oir", ".dv", ".ims", ".zvi", ".xlef", ".ics", ".ids", ".mvd2", ".sld", ".flex"),
        _MICROSCOPE,
    ),
    **dict.fromkeys((".mrxs", ".vms", ".vmu", ".isyntax", ".i2syntax", ".sdpc", ".kfb", ".tmap"), _SLIDE),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), _DICOM),
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIF),
    **dict.fromkeys(
        (".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".raf", ".rw2", ".orf", ".dng", ".pef", ".srw", ".raw"), _RAW
    ),
    **dict.fromkeys((".psd", ".psb", ".xcf", ".kra", ".svg", ".pdf", ".ai", ".eps", ".emf", ".wmf"), _GRAPHICS),
    **dict.fromkeys(
        (".npy", ".npz", ".mat", ".h5", ".hdf5", ".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".mrc", ".fits"), _ARRAY
    ),
    **dict.fromkeys((".jxl", ".jxr", ".wdp", ".hdp", ".hdr", ".exr", ".tga", ".pcx", ".ico", ".qoi"), _OTHER),
    **dict.fromkeys((".avi", ".mp4", ".mov", ".mkv", ".wmv", ".webm", ".m4v"), _VIDEO),
    **dict.fromkeys((".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"), _ARCHIVE),
}


def suffix_of(name: str) -> str:
    """Return a name's suffix in lower case, with its dot; empty where it has none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder of this name is hidden, the system's, or an editor's left-over."""
    lower = name.lower()
    return name.startswith((".", "~$")) or lower in _SYSTEM_NAMES or lower.endswith(_STREAMS)


def placeholder_service(name: str) -> str | None:
    """Return the cloud service whose placeholder for an image (or a folder) has this name; None where it is none."""
    service = _PLACEHOLDERS.get(suffix_of(name))
    inner = name[: name.rfind(".")]
    return service if service and (name.endswith(".cloudf") or suffix_of(inner) in IMAGE_SUFFIXES) else None


def is_unfinished(name: str) -> bool:
    """Tell whether this is the name of an image whose copy or download was not finished."""
    if suffix_of(name) in _UNFINISHED_SUFFIXES:
        return suffix_of(name[: name.rfind(".")]) in IMAGE_SUFFIXES
    found = _OF_RSYNC.fullmatch(name)
    return found is not None and suffix_of(found["name"]) in IMAGE_SUFFIXES


def sentences_on_formats(names: Iterable[str]) -> list[str]:
    """Say how many of these files are in a format that isn't read, and what helps: a sentence a kind."""
    counts: dict[str, Counter[str]] = {}
    for name in names:
        lower = name.lower()
        suffix = next((double for double in (".nii.gz", ".tar.gz") if lower.endswith(double)), suffix_of(name))
        if suffix in _NOT_READ:
            counts.setdefault(_NOT_READ[suffix], Counter())[suffix] += 1
    sentences = []
    for what, suffixes in counts.items():
        most = suffixes.most_common(3)
        shown = [plural(count, f"{suffix} file") for suffix, count in most]
        others = suffixes.total() - sum(count for _, count in most)
        sentences.append(f"{listed(shown + [plural(others, 'other')] * (others > 0))}: {what}.")
    return sentences
