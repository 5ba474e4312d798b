"""Names that people take for one: the form in which names are kept, and keys by which look-alike names are found.

A Mac stores `größe` as other characters than Linux and Windows do (NFD, NFC), a spreadsheet leaves a space at the end,
and two annotators write `Mast cell` and `mast_cell`. The Unicode form is never meant, so `nfc` evens it out. All else
may be meant, so look-alike names stay apart until somebody decides; `name_key` and `wide_name_key` find them.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

_MEANT = ("<super>", "<sub>", "<fraction>", "<circle>")  # forms that carry meaning: 10² is not 102
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs without ink
_MORE_DASHES = frozenset("\u2043\u2212")  # drawn as dashes, but signs of another category
_QUOTES = str.maketrans("‘’‚‛ʼ′`´“”„‟″", "''''''''\"\"\"\"\"")
_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[ -]+(?=[^\W_])")
_AROUND_WORDS = re.compile(r"(?<![^\W_])[ -]+|[ -]+(?![^\W_])")  # once those between words are single spaces
_ASCII_SEPARATORS = str.maketrans("\t\n\v\f\r\x1c\x1d\x1e\x1f_", " " * 10)
_COPY = re.compile(r"(?:copy of|kopie von|copie de|copia de) (.+)|(.+?)[ -]+(?:copy|kopie|copie|copia)", re.IGNORECASE)
_WHOLE_NUMBER = re.compile(r"[+-]?(?:\d{1,10}\.?\d{0,5}|\.\d{1,10})(?:e[+-]?\d{1,2})?", re.ASCII)  # what a float holds
# Letters of other alphabets that are drawn like Latin ones.
_LATIN = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсхуһԁԛԝӏ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονικρυχ",
    "ABESIJKMHOPCTXYaesijopcxyhdqwl" + "ABEZHIKMNOPTYXaovikpux",
)


def nfc(text: str) -> str:
    """Return `text` in the Unicode form in which names are kept; a name in another form (NFD) is the same name."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def caseless(text: str) -> str:
    """Return what all names share that a disk which knows no case takes for one: a file's name in any case and form."""
    return nfc(nfc(text).casefold())


@lru_cache(1 << 16)
def name_key(text: str) -> str:
    """Return what all names share that differ from `text` only in writing.

    That is in Unicode form, case, invisible characters, full-width forms, the kind of quotation marks and dashes, and
    in what stands between words: spaces, dashes or underscores. A dash at the beginning or the end counts, since
    `CD4-` is not `CD4` and `-1` not `1`.
    """
    return _through(_SAME_WORDS, text)


@lru_cache(1 << 16)
def wide_name_key(text: str) -> str:
    """Return a key that joins still more names than `name_key`: those that look the same to a hasty reader.

    Also `class 1`, `class1` and `Class_01`; `1`, `1.0` and `01`; `blast` and `blast - Copy`; names with and without
    quotation marks around them; Latin letters and those of other alphabets that are drawn alike. Such names may well
    differ in meaning: ask, never merge them unasked.
    """
    return _through([step for _, step in _STEPS], text)


def look_alikes(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the sets of names that look the same, each of two or more, in the order of `names`."""
    found: dict[str, dict[str, None]] = {}
    for name in names:
        found.setdefault(wide_name_key(name), {})[name] = None
    return tuple(tuple(alike) for alike in found.values() if len(alike) > 1)


def find_name(wanted: str, names: Iterable[str]) -> str | None:
    """Return which of the names somebody means: the same one, or the only one that is written alike; else None.

    What was typed has its spaces where a name has them, too. Of several that look the same none is meant.
    """
    known = list(names)
    for name in (wanted, wanted.strip()):
        if name in known:
            return name
    for key in (nfc, name_key, wide_name_key):
        alike = [name for name in known if key(name) == key(wanted.strip())]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def nearest_name(name: str, names: Collection[str]) -> str | None:
    """Return the name that is most similar to `name`, None where none is similar."""
    by_case = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.strip().casefold(), by_case, n=1, cutoff=0.5)
    return by_case[near[0]] if near else None


def differences(names: Iterable[str]) -> tuple[str, ...]:
    """Return in what look-alike names differ, in words such as "case" and "spaces or punctuation"."""
    alike = set(names)

    def apart_without(words: str) -> bool:
        others = [step for title, step in _STEPS if title != words]
        return len({_through(others, name) for name in alike}) > 1

    return tuple(filter(apart_without, dict.fromkeys(words for words, _ in _STEPS)))


def _through(steps: Iterable[Callable[[str], str]], text: str) -> str:
    for step in steps:
        text = step(text) or text  # a name of nothing but dashes is still a name
    return text


def _visible(text: str) -> str:
    """Drop what has no ink and no width, such as zero-width spaces, soft hyphens and direction marks."""
    if text.isascii() and text.isprintable():
        return text
    kept = (char for char in text if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf"))
    return "".join(char for char in kept if not ("\ufe00" <= char <= "\ufe0f" or char == "\u034f"))


def _plain(text: str) -> str:
    """Even out forms of a character: Unicode form, full width, ligatures, quotation marks."""
    if text.isascii():
        return text.translate(_QUOTES)
    plain = (
        char if unicodedata.decomposition(char).startswith(_MEANT) else unicodedata.normalize("NFKC", char)
        for char in unicodedata.normalize("NFC", text)
    )
    return unicodedata.normalize("NFC", "".join(plain)).translate(_QUOTES)


def _latin(text: str) -> str:
    return text if text.isascii() else text.translate(_LATIN)


def _lower(text: str) -> str:
    return nfc(text.casefold())


def _one_separator(text: str) -> str:
    """Write spaces, dashes and underscores between words as one space; a dash around the name stays."""
    plain = text.translate(_ASCII_SEPARATORS) if text.isascii() else "".join(map(_separator, text))
    inside = _BETWEEN_WORDS.sub(" ", plain)
    return _AROUND_WORDS.sub(lambda run: "-" if "-" in run[0] else "", inside).rstrip(".")


def _separator(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Pd" or char in _MORE_DASHES:
        return "-"
    return " " if category in ("Zs", "Zl", "Zp", "Pc") or char.isspace() or char in _BLANK else char


def _joined(text: str) -> str:
    return re.sub(r"(?<!\d) | (?!\d)", "", text) if " " in text else text


def _number(text: str) -> str:
    """Write numbers without leading zeros, and a name that is a number in one way."""
    if not any(map(str.isdigit, text)):
        return text
    if _WHOLE_NUMBER.fullmatch(text):
        return f"{float(text) + 0.0:.15g}"  # 0 for -0
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", text) if "0" in text else text


def _unquoted(text: str) -> str:
    """Take quotation marks from around a name, which R writes and a spreadsheet may double."""
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"" else text


def _original(text: str) -> str:
    """Return what `blast - Copy` and `Copy of blast` are copies of."""
    copy = _COPY.fullmatch(text)
    return (copy[1] or copy[2]) if copy else text


_SEPARATED = "spaces or punctuation"
_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("invisible characters", _visible),
    ("forms of one character", _plain),
    ("letters of another alphabet", _latin),
    ("case", _lower),
    ("quotation marks", _unquoted),
    ("the name of a copy", _original),
    (_SEPARATED, _one_separator),
    ("how a number is written", _number),
    (_SEPARATED, _joined),
)
_SAME_WORDS = (_visible, _plain, _lower, _one_separator)
