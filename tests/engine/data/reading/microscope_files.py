"""Files as the programs of microscopes write them, made small and by hand where no library writes them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_czi(path: Path, stack: np.ndarray, *, scenes: int = 1) -> Path:
    """Write uint16 [channels, planes, height, width], or uint8 [1, 1, height, width, 3] in RGB, by Zeiss's library."""
    from pylibCZIrw import czi

    with czi.create_czi(str(path)) as file:
        for scene in range(scenes):
            for channel in range(stack.shape[0]):
                for plane in range(stack.shape[1]):
                    values = stack[channel, plane]
                    values = values[..., ::-1] if values.ndim == 3 else values[..., None]
                    at = (scene * (stack.shape[3] + 10), 0)  # scenes lie beside each other on the stage
                    where = {"C": channel, "Z": plane, "T": 0}
                    file.write(np.ascontiguousarray(values) + scene, plane=where, location=at, scene=scene)
    return path


def write_lif(path: Path, stack: np.ndarray, *, bits: int = 16) -> Path:
    """Write uint16 [channels, planes, height, width] as a LIF: XML that describes it, then a block of memory."""
    channels, planes, height, width = stack.shape
    size = stack.dtype.itemsize
    steps = {1: (width, size), 2: (height, width * size), 3: (planes, channels * height * width * size)}
    dimensions = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" Length="1" Unit="m" BitInc="0" '
        f'BytesInc="{step}"/>'
        for axis, (count, step) in steps.items()
    )
    described = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" '
        f'Max="1" Unit="" LUTName="Green" IsLUTInverted="0" BytesInc="{at * height * width * size}" BitInc="0"/>'
        for at in range(channels)
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="x" Visibility="1" UniqueID="1"><Children>'
        '<Element Name="Series001" Visibility="1" UniqueID="2"><Data><Image TextDescription=""><ImageDescription>'
        f"<Channels>{described}</Channels><Dimensions>{dimensions}</Dimensions>"
        "</ImageDescription></Image></Data>"
        f'<Memory Size="{stack.nbytes}" MemoryBlockID="MemBlock_0"/></Element></Children></Element>'
        "</LMSDataContainerHeader>"
    )
    text, name = xml.encode("utf-16-le"), "MemBlock_0".encode("utf-16-le")
    content = np.moveaxis(stack, 0, 1).tobytes()
    path.write_bytes(
        struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2)
        + text
        + struct.pack("<IIBQBI", 0x70, len(name) + 14, 0x2A, len(content), 0x2A, len(name) // 2)
        + name
        + content
    )
    return path


def write_nd2(path: Path, stack: np.ndarray, *, bits: int = 16) -> Path:
    """Write uint16 [channels, planes, height, width] as an ND2: named chunks, and a map of them at the end."""
    channels, planes, height, width = stack.shape
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": width * channels * 2,
        "uiHeight": height,
        "uiComp": channels,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": bits,
        "uiSequenceCount": planes,
    }
    chunks = {
        "ImageAttributesLV!": _level("SLxImageAttributes", attributes),
        "ImageMetadataSeqLV|0!": _level("SLxPictureMetadata", {"sPicturePlanes": {"uiCount": channels}}),
        "ImageMetadataLV!": _level("SLxExperiment", {"eType": 4, "uLoopPars": {"uiCount": planes, "iType": 0}}),
    }
    parts = [_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), 32)]
    places: dict[str, int] = {}
    frames = {
        f"ImageDataSeq|{plane}!": bytes(8) + np.moveaxis(stack[:, plane], 0, 2).astype("<u2").tobytes()
        for plane in range(planes)
    }
    for name, content in {**chunks, **frames}.items():
        places[name] = sum(map(len, parts))
        parts.append(_chunk(name.encode(), content, 4072 if name in frames else len(name)))
    at = sum(map(len, parts))
    mapped = b"".join(name.encode() + struct.pack("<QQ", place, 1) for name, place in places.items())
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!"
    parts.append(_chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", mapped + end + struct.pack("<Q", at), 32))
    path.write_bytes(b"".join(parts))
    return path


def _chunk(name: bytes, content: bytes, room: int) -> bytes:
    return struct.pack("<IIQ", 0x0ABECEDA, room, len(content)) + name.ljust(room, b"\0") + content


def _level(name: str, fields: dict[str, object]) -> bytes:
    def head(kind: int, word: str) -> bytes:
        return bytes([kind, len(word) + 1]) + (word + "\0").encode("utf-16-le")

    items = b"".join(
        _level(word, value) if isinstance(value, dict) else head(3, word) + struct.pack("<I", value)
        for word, value in fields.items()
    )
    start = head(11, name)
    length = len(start) + 12 + len(items)
    return start + struct.pack("<IQ", len(fields), length) + items + bytes(8 * len(fields))
