"""What Liu et al. published (Computer Methods and Programs in Biomedicine 226, 2022, 107162), to stand beside ours.

Shares are in per cent, as printed; latency in seconds. Where the publication names only the best, the worst and the
mean of a data set, the other networks have no number here: nothing is read off its figures.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Latency:
    """Seconds from files to classes on a PC with a Core i7-10700 and 8 GB, means of ten runs (Table 3)."""

    seconds_1: float
    seconds_100: float
    ratio: float


LATENCY = {
    "vgg16": Latency(1.677, 17.179, 10.24),
    "resnet34": Latency(0.333, 5.973, 17.93),
    "resnet50": Latency(0.405, 9.195, 22.71),
    "googlenet": Latency(0.209, 3.444, 16.46),
    "inception_v3": Latency(0.439, 9.686, 22.06),
    "resnext50_32x4d": Latency(0.420, 9.928, 23.64),
    "shufflenet_v2_x1_0": Latency(0.080, 1.857, 23.18),
    "mobilenet_v2": Latency(0.109, 3.266, 29.88),
    "mobilenet_v3_large": Latency(0.108, 2.518, 23.24),
    "efficientnet_b0": Latency(0.150, 4.475, 29.89),
}
LATENCY_DEVICE = "Core i7-10700, 8 GB"

# Means over the four data sets, named as in `evaluation.metrics`. The publication defines accuracy class by class
# against the rest, but what it prints equals its recall to within 0.02, as the share of correct images does on classes
# of equal size; a one-vs-rest accuracy of four and eight classes would be far higher. So it stands beside our accuracy.
AVERAGES: dict[str, dict[str, float]] = {
    network: dict(zip(("accuracy", "macro_recall", "macro_precision", "macro_f1"), figures, strict=True))
    for network, figures in {
        "resnext50_32x4d": (96.83, 96.81, 96.94, 96.82),
        "resnet50": (96.70, 96.68, 96.77, 96.69),
        "mobilenet_v2": (95.72, 95.73, 95.96, 95.71),
        "mobilenet_v3_large": (95.36, 95.37, 95.67, 95.34),
        "vgg16": (94.45, 94.47, 94.66, 94.44),
    }.items()
}


@dataclass(frozen=True)
class DataSetRecord:
    """What is published of one data set.

    Attributes:
        images: that were used, after the preparation.
        classes: how many.
        mean_f1: of the ten networks.
        f1: of the networks that are named with it.
        best: accuracy of the best network.
        others: accuracy of earlier work.
    """

    images: int
    classes: int
    mean_f1: float
    f1: dict[str, float]
    best: float
    others: dict[str, float]


DATA_SETS = {
    "C-NMC": DataSetRecord(
        2 * 3389,
        2,
        91.72,
        {"shufflenet_v2_x1_0": 89.75, "resnext50_32x4d": 92.77},
        92.77,
        {"Zhao": 86.29, "Prellberg": 89.88, "Pan": 91.73},
    ),
    "ALL-IDB2": DataSetRecord(
        2 * 130, 2, 98.00, {"resnext50_32x4d": 98.85}, 98.85, {"Abdeldaim": 96.42, "Das": 97.18, "Sahlol": 98.5}
    ),
    "PBC": DataSetRecord(
        8 * 1214,
        8,
        97.85,
        {"shufflenet_v2_x1_0": 97.05, "resnet50": 98.46},
        98.46,
        {"Acevedo": 96.2, "Bagido": 98.4, "Long": 99.3},
    ),
    "LISC": DataSetRecord(
        4 * 48,
        4,
        95.06,
        {"googlenet": 93.42, "resnet50": 97.72},
        97.78,
        {"Noor": 94.09, "Jung": 96.0, "Baydilli": 96.86},
    ),
}


def published_f1(data_set: str, network: str, metric: str) -> float | None:
    """Return the published F1 of a network on a data set, in per cent; None where, or of what, nothing is published."""
    return DATA_SETS[data_set].f1.get(network) if data_set and metric == "macro_f1" else None
