from __future__ import annotations

import os
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES, is_ignored, sentences_on_formats
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.data.listing.folder_scan import scan_folder
from aimic_tui.engine.data.listing.list_images import list_images
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import DataSettings
from tests.engine.data.listing.test_find_data_set import touch


def notes(root: Path) -> dict[str, str]:
    return {note.kind: note.sentence for note in scan_data_set(DataSettings(path=str(root))).notes}


class TestSystemFolders:
    @pytest.mark.parametrize(
        "name",
        [
            "#recycle",
            "#snapshot",
            "@Recycle",
            "@Recently-Snapshot",
            "@eaDir",
            "$RECYCLE.BIN",
            "System Volume Information",
            "__MACOSX",
            ".AppleDouble",
            ".thumbnails",
            ".ipynb_checkpoints",
            ".Trash-1000",
            ".dropbox.cache",
            "~snapshot",
            ".snapshot",
            "lost+found",
            "Network Trash Folder",
        ],
    )
    def test_they_are_no_classes_and_are_named_where_they_hold_images(self, tmp_path, name):
        touch(tmp_path, "a/1.png", "b/1.png", f"{name}/deep/er/1.png")
        found = scan_data_set(DataSettings(path=str(tmp_path)))
        assert found.data_set.images == ("a/1.png", "b/1.png")
        assert [note.kind for note in found.notes] == ["folders-passed-over"]
        assert found.notes[0].sentence.startswith(f"Passed over: {name}, ")

    def test_those_without_images_are_not_worth_a_word(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png", ".git/HEAD", "@eaDir/x.txt", ".DS_Store", "a/Thumbs.db", "b/desktop.ini")
        touch(tmp_path, "a/1.png:Zone.Identifier", "a/Thumbs.db:encryptable", "b/1.png@SynoEAStream")
        found = scan_data_set(DataSettings(path=str(tmp_path)))
        assert (found.notes, found.others) == ((), ())

    def test_a_name_that_only_resembles_one_is_a_class(self, tmp_path):
        touch(tmp_path, "recycle/1.png", "thumbnails/1.png", "trash/1.png", "Snapshot/1.png")
        assert len(find_data_set(DataSettings(path=str(tmp_path))).classes) == 4
        assert not any(map(is_ignored, ("recycle", "thumbnails", "snapshots", "eaDir", "MACOSX")))

    def test_only_so_much_of_them_is_looked_at(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png")
        for number in range(300):
            touch(tmp_path, f"@eaDir/{number:03}/meta.txt")
        assert scan_folder(tmp_path).passed_over == set()


class TestImagesThatAreNotThere:
    def test_placeholders_of_a_cloud_are_counted(self, tmp_path):
        touch(
            tmp_path, "a/1.jpg", "b/1.jpg", "a/.2.jpg.icloud", "b/.3.jpg.icloud", "b/4.tif.nextcloud", "a/.notes.icloud"
        )
        found = scan_data_set(DataSettings(path=str(tmp_path)))
        assert [note.sentence for note in found.notes] == [
            "2 images are only placeholders of iCloud; the first is a/.2.jpg.icloud. Have iCloud download them, then "
            "audit again.",
            "1 image is only a placeholder of Nextcloud; the first is b/4.tif.nextcloud. Have Nextcloud download them, "
            "then audit again.",
        ]
        assert found.others == ()

    def test_copies_that_did_not_end_are_counted(self, tmp_path):
        touch(tmp_path, "a/1.jpg", "b/1.jpg", "a/2.jpg.part", "a/3.png.crdownload", "b/.4.tif.Ab3xY9", "b/._5.jpg")
        touch(tmp_path, "b/6.jpg.filepart", "b/list.part")
        found = scan_data_set(DataSettings(path=str(tmp_path)))
        assert found.notes[0].kind == "unfinished-copies"
        assert found.notes[0].sentence.startswith("4 images are incomplete: ")
        assert found.others == ("b/list.part",)

    def test_a_folder_of_nothing_else_is_refused_with_what_helps(self, tmp_path):
        touch(tmp_path, "a/.1.jpg.icloud", "b/.1.jpg.icloud")
        with pytest.raises(
            InputProblem, match=r"no images that can be read\. 2 images are only placeholders of iCloud"
        ):
            find_data_set(DataSettings(path=str(tmp_path)))


class TestFormats:
    def test_tiff_by_a_microscopes_suffix_is_an_image(self, tmp_path):
        names = [f"{'ab'[at % 2]}/{at}{suffix}" for at, suffix in enumerate(sorted(IMAGE_SUFFIXES))]
        assert {".lsm", ".stk", ".svs", ".btf", ".tf8", ".qptiff", ".ndpi", ".scn"} < IMAGE_SUFFIXES
        touch(tmp_path, *names, "a/x.ome.tif", "b/Y.OME.BTF")
        assert len(find_data_set(DataSettings(path=str(tmp_path)))) == len(names) + 2

    def test_a_format_that_is_not_read_is_said_to_be_one(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png", "a/2.HEIC", "a/3.heic", "b/4.vsi", "b/5.nii.gz", "b/6.cr2", "a/notes.txt")
        assert [note.sentence for note in scan_data_set(DataSettings(path=str(tmp_path))).notes] == [
            "2 .heic files: HEIF photographs, which are not read. Convert them to PNG, or set the phone to save JPEG.",
            "1 .vsi file: microscope formats that are not read. Convert them to OME-TIFF, for example with Bio-Formats "
            "or Fiji.",
            "1 .nii.gz file: arrays or volumes, which are not read in folders. Save one image a file, as TIFF.",
            "1 .cr2 file: raw photographs, which are not read. Develop them into TIFF, all in the same way.",
        ]

    def test_a_folder_of_such_files_says_what_helps(self, tmp_path):
        touch(tmp_path, "a/1.dcm", "b/1.dcm")
        with pytest.raises(InputProblem, match=r"2 \.dcm files: DICOM files, which are not read\. Convert them"):
            find_data_set(DataSettings(path=str(tmp_path)))

    def test_many_suffixes_of_a_kind_are_one_sentence(self):
        names = [f"{at}.{suffix}" for at, suffix in enumerate(("nef", "nef", "cr2", "arw", "orf", "dng"))]
        assert sentences_on_formats(names)[0].startswith("2 .nef files, 1 .cr2 file, 1 .arw file and 2 others: ")


class TestOddTrees:
    def test_names_of_any_bytes_are_classes(self, tmp_path):
        touch(tmp_path, "a b /1.png", "line\nbreak/1.png", "\x1b[31mred/1.png")
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")).mkdir()
        os.close(os.open(os.fsencode(tmp_path) + b"/\xff\xfe/1.png", os.O_CREAT))
        listed = list_images(DataSettings(path=str(tmp_path)))
        assert set(listed.labels) == {"a b ", "line\nbreak", "\x1b[31mred", "\udcff\udcfe"}

    def test_a_tree_deeper_than_a_path_may_be_long_is_named(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png")
        here = os.open(tmp_path / "a", os.O_DIRECTORY)
        for _ in range(60):  # 60 x 100 characters
            os.mkdir("d" * 100, dir_fd=here)
            inner = os.open("d" * 100, os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
        assert "1 folder can't be read" in notes(tmp_path)["folders-not-readable"]
