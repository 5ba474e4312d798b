"""Undoing class weights: probabilities of a network that was trained as if all classes were equally frequent.

A loss weighted by class, or small classes repeated, teach a network another prior than the data's: it gives the
probabilities p_c of a world in which the classes have the shares q_c, while they have the shares r_c. Bayes's rule
gives those of the data as p_c r_c / q_c, divided by their sum (Elkan 2001; Saerens, Latinne and Decaestecker 2002).

Whether the weights took hold is seen in the validation images: networks that fit their training images without an error
lose the effect of weights (Byrd and Lipton 2019). So a correction is taken only where it makes the validation labels
likelier, and the temperature is fitted with it: softmax(z / T + ln(r / q)) for logits z, since the shift of the logits
that the weights teach is as much exaggerated as all else in them.

The predicted class stays the network's own. Weights were asked for so that rare classes are found, and figures, matrix
and predictions speak of that decision; the probability beside it is that of the decision being right. It can be smaller
than another class's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aimic_tui.engine.evaluation.metrics import Floats, Integers

_BALANCED = ("weighted-loss", "oversample")


def prior_ratio(balance: str, training: Integers, classes: int) -> Floats | None:
    """Return each class's share among the training images over the share that training gave it, float [classes].

    Args:
        balance: `data.balance`. Images that "undersample" leaves out belong to no part of the run (of a predefined
            split, to no training part), so that its probabilities are for the classes as the run has them.
        training: int [n], labels of the training part.

    Returns:
        None where both are the same. A class without training images counts as half an image.
    """
    if balance not in _BALANCED or not len(training):
        return None
    counts = np.bincount(training, minlength=classes).astype(np.float64)
    shares = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    ratio: Floats = shares * classes
    return ratio


def corrected(probabilities: Floats, ratio: Floats | None) -> Floats:
    """Return probabilities float [..., c] for the data's class shares; NaN rows stay NaN."""
    if ratio is None:
        return probabilities
    weighted = probabilities * ratio
    shares: Floats = weighted / weighted.sum(axis=-1, keepdims=True)
    return shares


def confidence_of(probabilities: Floats, predicted: Any) -> Floats:
    """Return the probability of the predicted class, float [...], from float [..., c] and int [...]."""
    found: Floats = np.take_along_axis(probabilities, np.asarray(predicted)[..., None], axis=-1)[..., 0]
    return found
