"""The methods paragraph of a run: what was done, in the words of a paper, every figure from the record."""

from __future__ import annotations

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report.audit_section import audit_sentence
from aimic_tui.engine.report.augmentation_text import NOT_AUGMENTED, augmentation_text
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed

_BALANCE = {
    "weighted-loss": "class weights in the loss compensated for class imbalance",
    "undersample": "classes were undersampled to the size of the smallest one",
    "oversample": "images of smaller classes were oversampled",
}
_TRAINABLE = {
    "all": "all layers were trained",
    "head": "only the classifier was trained, on the frozen network",
    "gradual": "the classifier was trained first and then all layers",
}


def methods_paragraphs(record: RunRecord) -> list[str]:
    """Return the paragraphs, ready to paste."""
    return [_data(record), _training(record), _judging(record)]


def _data(record: RunRecord) -> str:
    data, split = record.tested.data, record.tested.split
    groups = len(data.group_names)
    if record.grouped_by_rule:
        shared = (
            f"of {groups:,} groups (images of one patient, slide or photograph, and images that are identical or "
            "nearly so, form a group)"
        )
    elif record.grouped:
        shared = (
            f"of {groups:,} groups (images that are identical or nearly so form a group; which of the others share a "
            "patient or slide is not known)"
        )
    else:
        shared = "without known groups"
    used = int((split.parts > 0).any(axis=0).sum())
    sentences = [f"The data set held {len(data):,} images {shared} in {len(data.classes)} classes."]
    if used < len(data):
        sentences.append(f"{used:,} of them were used.")
    sentences += [*record.decisions, audit_sentence(record)]
    optimistic = record.results.optimistic
    together = "" if optimistic or not record.grouped else ", keeping all images of a group on one side"
    if record.setting("split.method") == "k-fold":
        sentences.append(
            f"Performance was estimated by {_repeated(split.repeats)}{split.folds // split.repeats}-fold "
            f"cross-validation, stratified by class{together}."
        )
    else:
        sentences.append(f"One part of the images was held out for testing{together}.")
    if optimistic:
        sentences.append(
            "Following the protocol of Liu et al. (2022), folds were made by image and the test part of each fold also "
            "chose the epoch, so the estimates are optimistic."
        )
    else:
        stopped = "stopped the training and chose" if _may_stop(record) else "chose"
        sentences.append(
            f"Of each fold's remaining images, {percent(float(record.setting('split.validation', 0)), None)} were set "
            f"aside as a validation part that {stopped} the epoch; no test image had a say in the training."
        )
    return " ".join(sentences)


def _repeated(repeats: int) -> str:
    return f"{repeats} times repeated " if repeats > 1 else ""


def _training(record: RunRecord) -> str:
    names = record.networks
    weights = str(record.setting("model.weights"))
    start = {"none": "random weights", "imagenet": "weights pre-trained on ImageNet"}.get(
        weights, "the weights of an earlier model"
    )
    size = record.setting("model.image_size")
    pixels = "each network's own input size" if size == "auto" else f"{size} x {size} pixels"
    frozen = record.setting("model.trainable") == "head"
    varied = NOT_AUGMENTED if frozen else augmentation_text(record.setting("augmentation", {}))
    balance = _BALANCE.get(str(record.setting("data.balance")))
    batches = sorted(
        {trial.start.batch_size for trial in record.snapshot.trials if trial.start and trial.start.batch_size}
    )
    batch = f", batch size {listed([str(size) for size in batches])}" if batches else ""
    versions = record.environment.get("versions", {})
    libraries = ", ".join(f"{name} {versions[name]}" for name in ("torch", "torchvision", "timm") if name in versions)
    return (
        f"{listed(names)} {'was' if len(names) == 1 else 'were'} trained from {start}; "
        f"{_TRAINABLE.get(str(record.setting('model.trainable')), '')}. Images were resized to {pixels}. "
        f"{varied}{'; ' + balance if balance else ''}. {_besides(record, frozen=frozen)}"
        f"Optimisation used {record.setting('training.optimizer')} "
        f"(learning rate {float(record.setting('training.learning_rate', 0)):g}, "
        f"{record.setting('training.schedule')} schedule, weight decay "
        f"{float(record.setting('training.weight_decay', 0)):g}{batch}) for at most "
        f"{record.setting('training.epochs')} epochs{_patience(record)}; the best epoch by {_monitor(record)} was used "
        f"({_seeds(record)}). "
        f"Software: aimic {record.environment.get('aimic', '')}"
        f"{', Python ' + str(record.environment['python']) if 'python' in record.environment else ''}"
        f"{', ' + libraries if libraries else ''}."
    )


def _besides(record: RunRecord, *, frozen: bool) -> str:
    """Return the sentence about what a plain training doesn't do, or nothing."""

    def value(key: str) -> float:
        return float(record.setting(key, 0) or 0)

    done = []
    if record.setting("training.loss") == "focal":
        done.append(f"the focal loss was minimised (Lin et al. 2017, gamma {value('training.focal_gamma'):g})")
    if value("training.label_smoothing"):
        done.append(f"labels were smoothed by {value('training.label_smoothing'):g}")
    if value("augmentation.mixup") and not frozen:
        done.append(f"images were blended by mixup (Zhang et al. 2018, alpha {value('augmentation.mixup'):g})")
    if value("augmentation.cutmix") and not frozen:
        done.append(f"rectangles were exchanged by CutMix (Yun et al. 2019, alpha {value('augmentation.cutmix'):g})")
    if value("training.ema"):
        done.append(f"an exponential moving average of the weights (decay {value('training.ema'):g}) was used")
    sentence = listed(done) if done else ""
    return f"{sentence[0].upper()}{sentence[1:]}. " if sentence else ""


def _may_stop(record: RunRecord) -> bool:
    """Tell whether the training can end before its last epoch."""
    return int(record.setting("training.patience", 0)) < int(record.setting("training.epochs", 0))


def _patience(record: RunRecord) -> str:
    if not _may_stop(record):
        return ""
    return f", stopping after {record.setting('training.patience')} without improvement in {_monitor(record)}"


def _seeds(record: RunRecord) -> str:
    first, seeds = int(record.setting("seed", 0)), record.tested.seeds
    return f"seed {first}" if seeds == 1 else f"{seeds} trainings per fold, with seeds {first} to {first + seeds - 1}"


def _monitor(record: RunRecord) -> str:
    part = "test" if record.results.optimistic else "validation"
    return f"{part} {TITLES.get(str(record.setting('training.monitor')), 'loss')}"


def _judging(record: RunRecord) -> str:
    results = record.results
    together = "of all folds were evaluated together" if record.tested.folds > 1 else "were evaluated"
    sentences = [
        f"Test predictions {together}, each by the network of the fold that tests the image. {results.method}."
    ]
    repeats, seeds = record.tested.split.repeats, record.tested.seeds
    if repeats > 1 or seeds > 1:
        over = listed([f"{count} {word}" for count, word in ((repeats, "repeats"), (seeds, "seeds")) if count > 1])
        sentences.append(
            f"Each figure is the mean over {over}; each resampled group brought all of its predictions along, so that "
            "repeated predictions of an image did not count as independent (Tsamardinos et al. 2018)."
        )
    if any(selected.by == "inner folds" for selected in results.selected):
        sentences.append(
            "The choice between networks was evaluated by nested cross-validation with "
            f"{record.tested.split.inner_folds} inner folds (Varma and Simon 2006)."
        )
    if record.comparison is not None:
        sentences.append(
            "These trained networks were compared on the same images by a paired randomisation test over groups, with "
            "Holm's adjustment."
        )
        if any(pair.recipe is not None for pair in record.comparison.pairs):
            sentences.append(
                "Recipes (networks with their settings, trained anew) were compared by the difference over all "
                "trainings, with an interval that contains the spread over these as well as that over groups."
            )
        sentences.append(
            "Networks were called equivalent where the whole interval of their difference lay within a margin of "
            f"{record.comparison.margin:g} (Schuirmann 1987)."
        )
    if results.calibration:
        if any(one.weights_undone for found in results.calibration.values() for one in found.temperatures):
            sentences.append(
                "Probabilities were corrected for the balancing of classes in training (Saerens et al. 2002) where the "
                "validation part became likelier by it; predicted classes were left as trained."
            )
        sentences.append(
            "Probabilities were calibrated by temperature scaling (Guo et al. 2017), fitted on each fold's validation "
            "part, shrunk towards 1 and used only where held-out validation images gained."
        )
    return " ".join(sentences)
