from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.data.splitting.split import Split, read_split, write_split
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import DataSettings, SplitSettings


def data_set_of(labels: list[int], groups: list[int] | None = None, parts: list[int] | None = None) -> DataSet:
    count = max(labels) + 1
    names, codes = np.unique(groups if groups is not None else range(len(labels)), return_inverse=True)
    return DataSet(
        root=Path("/images"),
        images=tuple(f"{label}/{index:04}.png" for index, label in enumerate(labels)),
        classes=tuple(f"class {label}" for label in range(count)),
        labels=np.array(labels, np.int32),
        groups=codes.astype(np.int32),
        group_names=tuple(f"group {name}" for name in names),
        group_rule="none" if groups is None else "patient",
        parts=None if parts is None else np.array(parts, np.int8),
    )


def assert_no_group_on_two_sides(split: Split, groups: np.ndarray) -> None:
    for column in split.parts:
        for group in np.unique(groups):
            assert len(set(column[groups == group]) - {Part.UNUSED}) <= 1


@st.composite
def data_sets(draw: st.DrawFn) -> DataSet:
    """Up to 4 classes of at least 6 groups; up to 8 images a group, of one class mostly, of several sometimes."""
    classes = draw(st.integers(2, 4))
    labels: list[int] = []
    groups: list[int] = []
    group = 0
    for label in range(classes):
        for _ in range(draw(st.integers(6, 14))):
            size = draw(st.integers(1, 8))
            labels += [label] * size
            groups += [group] * size
            group += 1
            if draw(st.booleans()):
                labels.append((label + 1) % classes)
                groups.append(group - 1)
    return data_set_of(labels, groups)


class TestInvariants:
    @settings(max_examples=60, deadline=None)
    @given(data_sets(), st.integers(2, 5), st.integers(0, 2**31 - 1), st.sampled_from(["none", "undersample"]))
    def test_k_fold(self, data_set, folds, seed, balance):
        try:
            split = make_split(data_set, SplitSettings(folds=folds), balance, seed)
        except InputProblem:
            assert balance == "undersample"  # so few images are left that a class has fewer groups than folds
            return
        assert split.parts.shape == (folds, len(data_set))
        assert_no_group_on_two_sides(split, data_set.groups)
        used = split.parts[0] != Part.UNUSED
        assert ((split.parts != Part.UNUSED) == used).all()
        assert ((split.parts == Part.TEST).sum(axis=0) == used).all()  # every used image is tested once
        self.assert_every_class_or_a_warning(data_set, split)

    @settings(max_examples=60, deadline=None)
    @given(data_sets(), st.floats(0.1, 0.5), st.floats(0.05, 0.5), st.integers(0, 1000))
    def test_hold_out(self, data_set, test, validation, seed):
        split = make_split(data_set, SplitSettings(method="hold-out", test=test, validation=validation), "none", seed)
        assert split.parts.shape == (1, len(data_set))
        assert (split.parts != Part.UNUSED).all()
        assert_no_group_on_two_sides(split, data_set.groups)
        self.assert_every_class_or_a_warning(data_set, split)

    def assert_every_class_or_a_warning(self, data_set: DataSet, split: Split) -> None:
        for label, name in enumerate(data_set.classes):
            for part in (Part.TRAIN, Part.VALIDATION, Part.TEST):
                if not (split.parts[:, data_set.labels == label] == part).any(axis=1).all():
                    assert any(name in warning and part.name.lower() in warning for warning in split.warnings)

    @settings(max_examples=30, deadline=None)
    @given(data_sets(), st.integers(0, 1000))
    def test_the_same_seed_gives_the_same_split(self, data_set, seed):
        first, second = (make_split(data_set, SplitSettings(folds=3), "none", seed) for _ in range(2))
        assert (first.parts == second.parts).all()

    @settings(max_examples=30, deadline=None)
    @given(data_sets(), st.integers(0, 1000))
    def test_undersampling_leaves_classes_of_one_size(self, data_set, seed):
        split = make_split(data_set, SplitSettings(folds=2, protocol="aimic-2022"), "undersample", seed)
        kept = np.bincount(data_set.labels[split.parts[0] != Part.UNUSED])
        assert set(kept) == {min(data_set.counts().values())}


class TestRepeats:
    @settings(max_examples=40, deadline=None)
    @given(data_sets(), st.integers(2, 4), st.integers(1, 4), st.integers(0, 2**31 - 1))
    def test_every_image_is_tested_once_in_each_repeat(self, data_set, folds, repeats, seed):
        split = make_split(data_set, SplitSettings(folds=folds, repeats=repeats), "none", seed)
        assert (split.folds, split.repeats) == (folds * repeats, repeats)
        assert_no_group_on_two_sides(split, data_set.groups)
        for repeat in range(repeats):
            tested = split.parts[repeat * folds : (repeat + 1) * folds] == Part.TEST
            assert (tested.sum(axis=0) == 1).all()
        assert [split.repeat_of(fold) for fold in range(1, split.folds + 1)] == [
            repeat + 1 for repeat in range(repeats) for _ in range(folds)
        ]

    @settings(max_examples=20, deadline=None)
    @given(data_sets(), st.integers(0, 1000))
    def test_the_first_repeat_is_the_split_without_repeats(self, data_set, seed):
        once = make_split(data_set, SplitSettings(folds=3), "none", seed)
        thrice = make_split(data_set, SplitSettings(folds=3, repeats=3), "none", seed)
        assert (thrice.parts[:3] == once.parts).all()
        assert (thrice.parts[3:6] != thrice.parts[6:]).any()

    def test_only_k_fold_repeats(self):
        settings = SplitSettings(method="hold-out", repeats=2)
        with pytest.raises(UsageProblem, match=r"split\.repeats = 2 does not go with split\.method = hold-out"):
            make_split(data_set_of([0, 1] * 10), settings, "none", 0)


class TestInnerFolds:
    @settings(max_examples=40, deadline=None)
    @given(data_sets(), st.integers(2, 3), st.integers(2, 3), st.integers(1, 2), st.integers(0, 10_000))
    def test_inner_folds_divide_what_their_fold_does_not_test(self, data_set, folds, inner_folds, repeats, seed):
        wanted = SplitSettings(folds=folds, inner_folds=inner_folds, repeats=repeats)
        try:
            split = make_split(data_set, wanted, "none", seed)
        except InputProblem as problem:
            assert "inner" in problem.sentence
            return
        outer = make_split(data_set, SplitSettings(folds=folds, repeats=repeats), "none", seed)
        assert (split.parts == outer.parts).all()
        assert split.inner.shape == (folds * repeats, inner_folds, len(data_set))
        for fold in range(1, split.folds + 1):
            columns = np.stack([split.column(fold, inner) for inner in range(1, inner_folds + 1)])
            tested_outside = split.parts[fold - 1] == Part.TEST
            assert (columns[:, tested_outside] == Part.UNUSED).all()
            assert (columns[:, ~tested_outside] != Part.UNUSED).all()
            assert ((columns == Part.TEST).sum(axis=0) == ~tested_outside).all()
            assert_no_group_on_two_sides(Split(columns), data_set.groups)
            for part in (Part.TRAIN, Part.VALIDATION, Part.TEST):
                for label, name in enumerate(data_set.classes):
                    lacking = ~(columns[:, data_set.labels == label] == part).any(axis=1)
                    assert (
                        not lacking.any()
                        or any(
                            f"{fold}, inner {int(np.flatnonzero(lacking)[0]) + 1}" in warning and name in warning
                            for warning in split.warnings
                        )
                        or len(split.warnings[0].split(";")) > 7
                    )

    def test_a_class_in_too_few_groups_for_the_inner_folds_is_a_sentence(self):
        data_set = data_set_of([0] * 12 + [1] * 12, [group // 4 for group in range(24)])
        with pytest.raises(
            InputProblem,
            match=r"class 0 has 8 images in 2 groups outside the test part of fold 1, too few for 3 inner folds.*"
            r"set split\.inner_folds = 2",
        ):
            make_split(data_set, SplitSettings(folds=3, inner_folds=3), "none", 0)

    def test_settings_that_do_not_go_together(self):
        data_set = data_set_of([0, 1] * 20)
        with pytest.raises(UsageProblem, match=r"split\.inner_folds = 1 divides nothing"):
            make_split(data_set, SplitSettings(inner_folds=1), "none", 0)
        with pytest.raises(UsageProblem, match=r"does not go with split\.protocol = aimic-2022"):
            make_split(data_set, SplitSettings(inner_folds=2, protocol="aimic-2022"), "none", 0)


class TestShares:
    def test_alone_images_keep_the_classes_in_proportion(self):
        data_set = data_set_of([0] * 200 + [1] * 100 + [2] * 20)
        split = make_split(data_set, SplitSettings(folds=5), "none", 3)
        for fold in range(1, 6):
            for part, counts in ((Part.TEST, (40, 20, 4)), (Part.VALIDATION, (24, 12, 2)), (Part.TRAIN, (136, 68, 14))):
                assert tuple(np.bincount(data_set.labels[split.indices(fold, part)])) == counts

    def test_seeds_differ(self):
        data_set = data_set_of([0] * 50 + [1] * 50)
        first, second = (make_split(data_set, SplitSettings(), "none", seed) for seed in (0, 1))
        assert (first.parts != second.parts).any()

    def test_the_smears_of_the_real_images(self, shared):
        data_set = find_data_set(DataSettings(path=str(shared / "data/cell-types")))
        split = make_split(data_set, SplitSettings(folds=5), "none", 0)
        assert split.warnings == ()
        assert_no_group_on_two_sides(split, data_set.groups)
        everything = np.bincount(data_set.labels)
        for fold in range(1, 6):
            share = np.bincount(data_set.labels[split.indices(fold, Part.TEST)]) / everything
            assert (np.abs(share - 0.2) < 0.02).all()
            training = everything * 0.8
            share = np.bincount(data_set.labels[split.indices(fold, Part.VALIDATION)]) / training
            assert (np.abs(share - 0.15) < 0.03).all()


class TestAimic2022:
    def test_folds_are_by_image_and_there_is_no_validation_part(self):
        data_set = data_set_of([0, 1] * 20, [0] * 40)
        split = make_split(data_set, SplitSettings(folds=4, protocol="aimic-2022"), "none", 0)
        assert set(np.unique(split.parts)) == {Part.TRAIN, Part.TEST}
        assert ((split.parts == Part.TEST).sum(axis=0) == 1).all()

    def test_how_many_groups_are_on_both_sides_is_said(self):
        data_set = data_set_of([0, 1] * 20, [0] * 38 + [1, 2])
        split = make_split(data_set, SplitSettings(folds=4, protocol="aimic-2022"), "none", 0)
        assert split.warnings == (
            "Folds are by image, as published: 1 of 3 groups have images in more than one part of a fold, which "
            "makes results look too good.",
        )
        alone = make_split(data_set_of([0, 1] * 20), SplitSettings(folds=4, protocol="aimic-2022"), "none", 0)
        assert alone.warnings == ()


class TestPredefined:
    def test_parts_are_taken_as_they_are(self):
        parts = [1, 1, 2, 3] * 2
        split = make_split(data_set_of([0] * 4 + [1] * 4, parts=parts), SplitSettings(method="predefined"), "none", 0)
        assert split.parts.tolist() == [parts]

    def test_a_missing_validation_part_comes_out_of_train(self):
        data_set = data_set_of([0] * 20 + [1] * 20, parts=([1] * 15 + [3] * 5) * 2)
        split = make_split(data_set, SplitSettings(method="predefined", validation=0.2), "none", 0)
        assert np.bincount(split.parts[0]).tolist() == [0, 24, 6, 10]

    def test_without_a_test_part_the_validation_part_is_the_test(self):
        data_set = data_set_of([0] * 20 + [1] * 20, parts=([1] * 15 + [2] * 5) * 2)
        split = make_split(data_set, SplitSettings(method="predefined", validation=0.2), "none", 0)
        assert np.bincount(split.parts[0]).tolist() == [0, 24, 6, 10]
        assert "the given validation part is the test" in split.warnings[0]

    def test_undersampling_leaves_the_test_alone(self):
        data_set = data_set_of([0] * 20 + [1] * 10, parts=[1] * 10 + [3] * 10 + [1] * 5 + [3] * 5)
        split = make_split(data_set, SplitSettings(method="predefined", validation=0.2), "undersample", 0)
        assert (split.parts[0] == Part.TEST).sum() == 15
        assert (split.parts[0] == Part.UNUSED).sum() == 5

    def test_a_group_in_two_parts_is_refused(self):
        data_set = data_set_of([0, 0, 1, 1, 0, 1], [0, 1, 2, 3, 0, 2], [1, 1, 1, 1, 3, 3])
        with pytest.raises(InputProblem, match=r"Fold 1 has 2 groups in more than one part; the first is group 0"):
            make_split(data_set, SplitSettings(method="predefined"), "none", 0)

    def test_without_parts_there_is_nothing_to_take(self):
        with pytest.raises(InputProblem, match="does not say which images train and test"):
            make_split(data_set_of([0, 1]), SplitSettings(method="predefined"), "none", 0)


class TestTooFew:
    def test_a_class_with_fewer_images_than_folds(self):
        with pytest.raises(InputProblem, match=r"class 1 has 3 images, too few for 5 folds.*set split\.folds = 3"):
            make_split(data_set_of([0] * 10 + [1] * 3), SplitSettings(folds=5), "none", 0)

    def test_a_class_with_fewer_groups_than_folds(self):
        data_set = data_set_of([0] * 10 + [1] * 10, [*range(10), *[10, 11] * 5])
        with pytest.raises(InputProblem, match=r"class 1 has 10 images in 2 groups, too few for 5 folds"):
            make_split(data_set, SplitSettings(folds=5), "none", 0)

    def test_a_class_of_one_image_cannot_be_held_out(self):
        with pytest.raises(InputProblem, match=r"class 1 has 1 image, too few for two parts"):
            make_split(data_set_of([0] * 10 + [1]), SplitSettings(method="hold-out"), "none", 0)

    def test_a_part_without_any_image_is_refused(self):
        data_set = data_set_of([0] * 10 + [1] * 10, [number // 5 for number in range(20)])
        with pytest.raises(InputProblem, match=r"validation part of fold 1 has no image: too few groups are left"):
            make_split(data_set, SplitSettings(folds=2), "none", 0)
        published = make_split(data_set, SplitSettings(folds=2, protocol="aimic-2022"), "none", 0)
        assert published.folds == 2

    def test_a_part_without_a_class_is_a_warning_with_numbers(self):
        split = make_split(data_set_of([0] * 10 + [1] * 2), SplitSettings(folds=2), "none", 0)
        assert split.warnings == (
            "The validation part of fold 1; 2 has no image of the class class 1 (2 images in 2 groups in all).",
        )


class TestTheFile:
    def test_a_split_comes_back(self, tmp_path):
        data_set = data_set_of([0] * 30 + [1] * 20)
        split = make_split(data_set, SplitSettings(folds=3), "undersample", 0)
        write_split(tmp_path / "split.csv", data_set, split)
        assert (tmp_path / "split.csv").read_text().splitlines()[0] == "image,fold,part"
        back = read_split(tmp_path / "split.csv", data_set.images)
        assert (back.parts == split.parts).all()
        assert back.inner is None

    def test_repeats_and_inner_folds_come_back(self, tmp_path):
        data_set = data_set_of([0] * 30 + [1] * 20)
        split = make_split(data_set, SplitSettings(folds=2, repeats=2, inner_folds=3), "none", 0)
        write_split(tmp_path / "split.csv", data_set, split)
        back = read_split(tmp_path / "split.csv", data_set.images)
        assert (back.repeats, back.inner_folds) == (2, 3)
        assert (back.parts == split.parts).all()
        assert (back.inner == split.inner).all()
        lines = (tmp_path / "split.csv").read_text().splitlines()
        assert lines[0] == "image,fold,part"
        assert len(lines) == 1 + 4 * 50

    def test_inner_folds_that_are_not_all_there_are_refused(self, tmp_path):
        data_set = data_set_of([0] * 30 + [1] * 20)
        write_split(
            tmp_path / "split.csv", data_set, make_split(data_set, SplitSettings(folds=2, inner_folds=2), "none", 0)
        )
        file = tmp_path / "inner_split.csv"
        kept = [line for line in file.read_text().splitlines() if ",2,1," not in line]
        file.write_text("\n".join(kept) + "\n")
        with pytest.raises(InputProblem, match="the same number of inner folds"):
            read_split(tmp_path / "split.csv", data_set.images)

    @pytest.mark.parametrize(
        "row", ["nobody.png,1,train", "0/0000.png,0,train", "0/0000.png,1,exam", "0/0000.png,x,test", "0/0000.png", '"']
    )
    def test_a_changed_file_is_refused(self, tmp_path, row):
        path = tmp_path / "split.csv"
        path.write_text(f"image,fold,part\n0/0000.png,1,train\n{row}\n")
        with pytest.raises(InputProblem, match="does not fit the run's images"):
            read_split(path, ["0/0000.png"])

    def test_a_missing_or_empty_file_is_refused(self, tmp_path):
        with pytest.raises(InputProblem, match="can't be read"):
            read_split(tmp_path / "split.csv", [])
        (tmp_path / "split.csv").write_text("image,fold,part\n")
        with pytest.raises(InputProblem, match="holds no fold"):
            read_split(tmp_path / "split.csv", ["a"])
