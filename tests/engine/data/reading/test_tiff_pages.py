"""The first full picture of a file, as its metadata order them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_pixels

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (48, 64), dtype=np.uint8)
SMALL = PICTURE[::4, ::4].copy()
COLOUR = RANDOM.integers(0, 256, (64, 80, 3), dtype=np.uint8)


def values(path: Path, **rule: str) -> np.ndarray:
    read = read_pixels(path, rule=InputRule(**rule)).values
    return read[:, :, 0] if read.shape[2] == 1 else read


class TestPagesThatAreNotThePicture:
    @pytest.mark.parametrize("kind", [1, 4, 5, 9])
    def test_a_thumbnail_or_a_mask_first(self, tmp_path, kind):
        with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
            tiff.write(SMALL, subfiletype=1, metadata=None)
            tiff.write(PICTURE, subfiletype=0, metadata=None)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
            tiff.pages[0].tags[254].overwrite(kind)
        assert (values(tmp_path / "x.tif") == PICTURE).all()
        assert (values(tmp_path / "x.tif", plane="middle") == PICTURE).all()

    def test_a_thumbnail_by_the_old_tag(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
            tiff.write(SMALL, metadata=None, extratags=[(255, "H", 1, 2, True)])
            tiff.write(PICTURE, metadata=None)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
            assert tiff.pages[0].tags.valueof(254, 0) == 0
        assert (values(tmp_path / "x.tif") == PICTURE).all()

    def test_a_pyramid_below_the_picture(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
            tiff.write(PICTURE, subifds=1, metadata=None)
            tiff.write(SMALL, subfiletype=1, metadata=None)
        assert (values(tmp_path / "x.tif") == PICTURE).all()

    def test_the_picture_below_its_thumbnail(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "x.tif") as tiff:
            tiff.write(SMALL, subfiletype=1, subifds=1, metadata=None)
            tiff.write(PICTURE, subfiletype=0, metadata=None)
        assert (values(tmp_path / "x.tif") == PICTURE).all()

    def test_a_mask_that_only_its_colours_tell(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", PICTURE > 99, metadata=None)
        with tifffile.TiffFile(tmp_path / "x.tif", mode="r+b") as tiff:
            tiff.pages[0].tags[262].overwrite(4)
        tifffile.imwrite(tmp_path / "x.tif", PICTURE, append=True, metadata=None)
        assert (values(tmp_path / "x.tif") == PICTURE).all()

    def test_where_all_pages_are_reduced_the_first_counts(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", PICTURE, subfiletype=1, metadata=None)
        assert (values(tmp_path / "x.tif") == PICTURE).all()


class TestScanners:
    def test_of_a_slide_of_aperio_not_its_thumbnail_or_label(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "x.svs") as tiff:
            about = "Aperio Image Library v1\n80x64 [0,0 80x64] (64x64) |AppMag = 40"
            tiff.write(COLOUR, description=about, tile=(64, 64), metadata=None, photometric="rgb")
            tiff.write(COLOUR[::4, ::4].copy(), description="Aperio thumbnail", metadata=None, photometric="rgb")
            tiff.write(COLOUR[:20, :20].copy(), subfiletype=1, description="label 20x20", metadata=None)
        with tifffile.TiffFile(tmp_path / "x.svs") as tiff:
            assert tiff.is_svs
        assert (values(tmp_path / "x.svs") == COLOUR).all()

    def test_channels_of_a_qptiff(self, tmp_path):
        channels = RANDOM.integers(0, 65536, (3, 32, 48), dtype=np.uint16)
        about = "<PerkinElmer-QPI-ImageDescription><ImageType>{}</ImageType></PerkinElmer-QPI-ImageDescription>"
        with tifffile.TiffWriter(tmp_path / "x.qptiff") as tiff:
            for channel in channels:
                tiff.write(
                    channel, description=about.format("FullResolution"), metadata=None, software="PerkinElmer-QPI"
                )
            thumbnail = np.zeros((8, 12, 3), np.uint8)
            tiff.write(thumbnail, description=about.format("Thumbnail"), metadata=None, photometric="rgb")
        with tifffile.TiffFile(tmp_path / "x.qptiff") as tiff:
            assert tiff.is_qpi
        assert (values(tmp_path / "x.qptiff") == np.moveaxis(channels, 0, 2)).all()

    @pytest.mark.parametrize("suffix", ["lsm", "stk", "svs", "btf", "tf8", "qptiff"])
    def test_a_plain_tiff_by_any_name(self, tmp_path, suffix):
        tifffile.imwrite(tmp_path / f"x.{suffix}", COLOUR, photometric="rgb", bigtiff=suffix in ("btf", "tf8"))
        assert (values(tmp_path / f"x.{suffix}") == COLOUR).all()

    def test_an_lsm_has_a_thumbnail_after_each_plane(self, tmp_path):
        stack = RANDOM.integers(0, 65536, (2, 3, 24, 32), dtype=np.uint16)  # planes, channels
        write_lsm(tmp_path / "x.lsm", stack)
        with tifffile.TiffFile(tmp_path / "x.lsm") as tiff:
            assert tiff.is_lsm
        assert (values(tmp_path / "x.lsm") == np.moveaxis(stack[0], 0, 2)).all()
        assert (values(tmp_path / "x.lsm", plane="middle", channels="3,1") == stack[1][[2, 0]].transpose(1, 2, 0)).all()

    @pytest.mark.parametrize("over_time", [False, True])
    def test_planes_of_a_stk(self, tmp_path, over_time):
        stack = RANDOM.integers(0, 65536, (3, 24, 32), dtype=np.uint16)
        write_stk(tmp_path / "x.stk", stack, over_time=over_time)
        with tifffile.TiffFile(tmp_path / "x.stk") as tiff:
            assert tiff.is_stk
            assert tiff.series[0].axes[0] == ("T" if over_time else "Z")
        assert (values(tmp_path / "x.stk") == stack[0]).all()
        assert (values(tmp_path / "x.stk", plane="middle") == stack[0 if over_time else 1]).all()


def write_stk(path: Path, stack: np.ndarray, *, over_time: bool) -> None:
    """Write uint16 [planes, height, width] as MetaMorph does: one directory, and all planes in one block."""
    planes, height, width = stack.shape
    data = stack.astype("<u2").tobytes()
    distance = 0 if over_time else 1
    uic1 = struct.pack("<4I", 0, 0, 1, 0)
    uic2 = b"".join(struct.pack("<6I", distance, 1, 2_459_000, number * 100, 2_459_000, 0) for number in range(planes))
    uic1_at = 8 + len(data)
    uic2_at = uic1_at + len(uic1)
    plane = height * width * 2
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 4, 1, 16), (259, 4, 1, 1), (262, 4, 1, 1), (273, 4, 1, 8)]
    tags += [
        (277, 4, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, plane),
        (33628, 4, 2, uic1_at),
        (33629, 5, planes, uic2_at),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(struct.pack("<4sI", b"II*\0", uic2_at + len(uic2)) + data + uic1 + uic2 + directory)


def write_lsm(path: Path, stack: np.ndarray) -> None:
    """Write uint16 [planes, channels, height, width] as an LSM: each plane in separate channels, with a thumbnail."""
    planes, channels, height, width = stack.shape
    info = struct.pack("<Ii6i", 0x0400494C, 500, width, height, planes, channels, 1, 2)
    info = info.ljust(88, b"\0") + struct.pack("<H", 0)  # a scan over planes: XYZ
    info = info.ljust(500, b"\0")
    with tifffile.TiffWriter(path, byteorder="<") as tiff:
        for number, plane in enumerate(stack):
            tags = [(34412, "B", len(info), info, True)] if number == 0 else []
            tiff.write(
                plane, photometric="minisblack", planarconfig="separate", metadata=None, extratags=tags, subfiletype=0
            )
            thumbnail = np.zeros((channels, 6, 8), np.uint8)
            tiff.write(thumbnail, photometric="minisblack", planarconfig="separate", metadata=None, subfiletype=1)


def ome(*images: str, uuid: str = "") -> str:
    own = f' UUID="urn:uuid:{uuid}"' if uuid else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        f"{own}>{''.join(images)}</OME>"
    )


def ome_image(number: int, data: str, *, c: int = 1, z: int = 1, t: int = 1, order: str = "XYCZT") -> str:
    channels = "".join(f'<Channel ID="Channel:{number}:{at}" SamplesPerPixel="1"/>' for at in range(c))
    return (
        f'<Image ID="Image:{number}"><Pixels ID="Pixels:{number}" DimensionOrder="{order}" Type="uint8" SizeX="64" '
        f'SizeY="48" SizeC="{c}" SizeZ="{z}" SizeT="{t}">{channels}{data}</Pixels></Image>'
    )


def in_file(name: str, uuid: str, ifd: int, **first: int) -> str:
    place = "".join(f' First{axis}="{at}"' for axis, at in first.items())
    return f'<TiffData IFD="{ifd}"{place} PlaneCount="1"><UUID FileName="{name}">urn:uuid:{uuid}</UUID></TiffData>'


def write_pages(path: Path, xml: str, pages: list[np.ndarray]) -> Path:
    with tifffile.TiffWriter(path) as tiff:
        for number, page in enumerate(pages):
            tiff.write(page, description=xml if number == 0 else None, metadata=None, photometric="minisblack")
    return path


class TestOme:
    def test_the_first_image_lies_where_the_xml_says(self, tmp_path):
        one = '<TiffData IFD="{}" PlaneCount="1"/>'
        xml = ome(ome_image(0, one.format(1)), ome_image(1, one.format(0)))
        path = write_pages(tmp_path / "x.ome.tif", xml, [np.full((48, 64), 7, np.uint8), PICTURE])
        assert (values(path) == PICTURE).all()

    def test_channels_lie_where_the_xml_says(self, tmp_path):
        data = "".join(f'<TiffData IFD="{2 - at}" FirstC="{at}" PlaneCount="1"/>' for at in range(3))
        pages = [PICTURE // 3, PICTURE // 2, PICTURE]
        path = write_pages(tmp_path / "x.ome.tif", ome(ome_image(0, data, c=3)), pages)
        assert (values(path) == np.stack(pages[::-1], axis=2)).all()

    def test_a_page_that_is_not_there_is_named(self, tmp_path):
        data = '<TiffData IFD="0" FirstC="0" PlaneCount="1"/><TiffData IFD="9" FirstC="1" PlaneCount="1"/>'
        path = write_pages(tmp_path / "x.ome.tif", ome(ome_image(0, data, c=2)), [PICTURE, SMALL])
        with pytest.raises(UnreadableImage, match=r"does not hold page 2 of its picture, which its metadata refer to"):
            read_pixels(path)
        assert (values(path, channels="1") == PICTURE).all()

    def test_a_first_image_whose_page_is_not_there_is_named(self, tmp_path):
        path = write_pages(tmp_path / "x.ome.tif", ome(ome_image(0, '<TiffData IFD="7" PlaneCount="1"/>')), [PICTURE])
        with pytest.raises(UnreadableImage, match="does not hold page 8"):
            read_pixels(path)

    def test_pages_that_each_hold_three_channels(self, tmp_path):
        image = ome_image(0, "<TiffData/>", c=2).replace('SizeC="2"', 'SizeC="6"')
        first = COLOUR[:48, :64].copy()
        second = first[::-1].copy()
        xml = ome(image.replace('SamplesPerPixel="1"', 'SamplesPerPixel="3"'))
        with tifffile.TiffWriter(tmp_path / "x.ome.tif") as tiff:
            tiff.write(first, photometric="rgb", description=xml, metadata=None)
            tiff.write(second, photometric="rgb", metadata=None)
        assert (values(tmp_path / "x.ome.tif") == first).all()
        assert (values(tmp_path / "x.ome.tif", channels="6,1") == np.dstack([second[:, :, 2], first[:, :, 0]])).all()

    @pytest.mark.parametrize("order", ["XYCZT", "XYZCT", "XYTZC"])
    def test_of_a_set_of_files_only_this_one_is_read(self, tmp_path, order):
        """Time points in files of their own: each file holds a picture, of two channels and two planes."""
        places = [(c, z) for c in range(2) for z in range(2)]
        data = "".join(
            in_file(f"t{time}.ome.tif", f"{time}", at, C=c, Z=z, T=time)
            for time in range(2)
            for at, (c, z) in enumerate(places)
        )
        pages = [np.roll(PICTURE, at) for at in range(4)]
        image = ome_image(0, data, c=2, z=2, t=2, order=order)
        path = write_pages(tmp_path / "t1.ome.tif", ome(image, uuid="1"), pages)
        assert (values(path) == np.stack([pages[0], pages[2]], axis=2)).all()
        assert (values(path, plane="middle", channels="2") == pages[3]).all()

    def test_positions_in_files_of_their_own(self, tmp_path):
        images = [ome_image(at, in_file(f"p{at}.ome.tif", f"{at}", 0)) for at in range(3)]
        path = write_pages(tmp_path / "p2.ome.tif", ome(*images, uuid="2"), [PICTURE, SMALL])
        assert (values(path) == PICTURE).all()

    def test_a_channel_in_an_absent_file_is_named(self, tmp_path):
        data = in_file("red.ome.tif", "1", 0, C=0) + in_file("green.ome.tif", "2", 0, C=1)
        path = write_pages(tmp_path / "red.ome.tif", ome(ome_image(0, data, c=2), uuid="1"), [PICTURE])
        with pytest.raises(UnreadableImage, match=r"does not hold channel 2, .* in green\.ome\.tif; join the set"):
            read_pixels(path)
        assert (values(path, channels="1") == PICTURE).all()


class TestAxesThatTifffileNames:
    def test_channels(self, tmp_path):
        channels = RANDOM.integers(0, 65536, (3, 24, 32), dtype=np.uint16)
        tifffile.imwrite(tmp_path / "x.tif", channels, photometric="minisblack", metadata={"axes": "CYX"})
        assert (values(tmp_path / "x.tif") == np.moveaxis(channels, 0, 2)).all()

    def test_without_them_pages_are_planes(self, tmp_path):
        planes = RANDOM.integers(0, 65536, (3, 24, 32), dtype=np.uint16)
        tifffile.imwrite(tmp_path / "x.tif", planes, photometric="minisblack")
        assert (values(tmp_path / "x.tif", plane="middle") == planes[1]).all()


class TestImageJ:
    def test_pages_that_are_missing_are_not_taken_from_elsewhere(self, tmp_path):
        about = "ImageJ=1.53t\nimages={}\nslices={}\nchannels={}\nhyperstack=true\n"
        tifffile.imwrite(tmp_path / "x.tif", PICTURE, description=about.format(3, 3, 1), metadata=None)
        assert (values(tmp_path / "x.tif") == PICTURE).all()
        with pytest.raises(UnreadableImage, match="lacks pages of the stack"):
            values(tmp_path / "x.tif", plane="middle")
        tifffile.imwrite(tmp_path / "x.tif", PICTURE, description=about.format(2, 1, 2), metadata=None)
        with pytest.raises(UnreadableImage, match="2 channels"):
            values(tmp_path / "x.tif")

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
    def test_a_hyperstack_in_either_byte_order(self, tmp_path, order, dtype):
        stack = RANDOM.integers(0, 256, (2, 3, 2, 24, 32)).astype(dtype)  # time, planes, channels
        tifffile.imwrite(tmp_path / "x.tif", stack, imagej=True, byteorder=order, metadata={"axes": "TZCYX"})
        assert (values(tmp_path / "x.tif", plane="middle") == np.moveaxis(stack[0, 1], 0, 2)).all()
