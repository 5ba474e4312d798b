"""Where torchvision and timm publish their weights, and how a file gets from there into the offline folder.

Only `aimic weights fetch` uses the network, never training.
"""

from __future__ import annotations

import errno
import http.client
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from aimic_tui.engine.errors import AimicError, Interrupted, UsageProblem
from aimic_tui.engine.files import digest_of_file
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.libraries import timm, torchvision_models
from aimic_tui.engine.models.weights_folder import fetch_command
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.proposed_command import proposed_command
from aimic_tui.engine.text import one_line, printable

_BLOCK = 1 << 18
_TIMEOUT = 20.0  # seconds without a byte
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+\Z")  # torch's convention: the first digits of the SHA-256
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LINKED_TAG = "X-Linked-ETag"  # the hub's redirect says the SHA-256 of the file it leads to


@dataclass(frozen=True)
class Publication:
    """One published file of weights.

    Attributes:
        sha256: the first hexadecimal digits of the digest, from the address; empty where it has none.
        mean, std, size: of the input that the weights expect.
    """

    network: str
    tag: str
    address: str
    sha256: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int
    licence: str


def find_publication(info: NetworkInfo, tag: str = "") -> Publication:
    """Return where weights of a network are published; the first tag where none is named.

    Raises:
        UsageProblem: there are none, or not with that tag.
    """
    if not info.weights:
        raise UsageProblem(
            f"{info.name} has no published weights. {proposed_command('networks', info.name)} shows what there is."
        )
    tag = tag or info.weights[0]
    if tag not in info.weights:
        raise UsageProblem(f"{info.name} has no weights {printable(tag)}; it has {', '.join(info.weights)}.")
    return _of_torchvision(info, tag) if info.library == "torchvision" else _of_timm(info, tag)


def _of_torchvision(info: NetworkInfo, tag: str) -> Publication:
    weights: Any = torchvision_models().get_model_weights(info.library_name)[tag]
    # "SWAG" weights come with a licence of their own (torchvision's documentation of them).
    licence = "cc-by-nc-4.0" if "SWAG" in tag else "bsd-3-clause"
    size = weights.transforms().crop_size[0]
    return Publication(info.name, tag, weights.url, _hash_in(weights.url), info.mean, info.std, size, licence)


def _of_timm(info: NetworkInfo, tag: str) -> Publication:
    from huggingface_hub import hf_hub_url

    config = timm().get_pretrained_cfg(f"{info.library_name}.{tag}")
    if config.hf_hub_id:
        address = hf_hub_url(config.hf_hub_id, config.hf_hub_filename or "model.safetensors")
    elif config.url and not config.custom_load:
        address = config.url
    else:
        raise UsageProblem(
            f"{info.name} {printable(tag)} is published in a form that only timm reads. Choose another tag."
        )
    licence = config.license or ""
    return Publication(
        info.name, tag, address, _hash_in(address), config.mean, config.std, config.input_size[-1], licence
    )


def _hash_in(address: str) -> str:
    found = _HASH_IN_NAME.search(urllib.parse.urlsplit(address).path)
    return found[1] if found else ""


def recognise(path: Path, info: NetworkInfo) -> Publication | None:
    """Return which of a network's published files has this one's digest; None where no published digest matches."""
    digest = digest_of_file(path)
    for tag in info.weights if info.library == "torchvision" else ():
        publication = find_publication(info, tag)
        if publication.sha256 and digest.startswith(publication.sha256):
            return publication
    return None


def download(
    publication: Publication,
    target: Path,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Download a published file to `target`, going on with what `target` already holds of it.

    Args:
        report: called with the bytes received so far, and their total where the server states it.

    Raises:
        AimicError: no connection, or the server refuses, or the content is not what was published. What was
            received stays, for the next call to go on with, unless its digest is wrong.
        Interrupted: `should_stop` said so.
    """
    try:
        served = _receive(publication.address, target, report, should_stop)
    except urllib.error.HTTPError as error:
        raise AimicError(
            f"{_host(publication.address)} answered {error.code} ({one_line(str(error.reason), 80)}) to the request "
            f"for {publication.network} {publication.tag}. Try again later, or take a file with `aimic weights import`."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise AimicError(_offline(publication, target, error)) from None
    published = publication.sha256 or served
    if published and not digest_of_file(target).startswith(published):
        target.unlink()
        raise AimicError(
            f"What came from {_host(publication.address)} for {publication.network} {publication.tag} is not the "
            "published file: its digest differs. It was deleted; run the command again."
        )


def _receive(address: str, target: Path, report: ReportProgress, should_stop: Callable[[], bool]) -> str:
    """Fetch what is missing of `target`; return the SHA-256 that the server published on the way, or ""."""
    there = target.stat().st_size if target.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "aimic", "Accept-Encoding": "identity"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    redirects = _Redirects()
    try:
        answer = urllib.request.build_opener(redirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:  # all of it is there
            return redirects.published
        raise
    with answer:
        if answer.status != http.client.PARTIAL_CONTENT:
            there = 0
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length else None
        report(Progress("download", there, total))
        with target.open("ab" if there else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
                there += len(block)
                report(Progress("download", there, total))
                if should_stop():
                    raise Interrupted(f"stopped after {there:,} bytes. The same command goes on from there.")
    if total is not None and there < total:
        raise ConnectionError(f"the connection ended after {there:,} of {total:,} bytes")
    return redirects.published or _sha256_in(answer.headers)


def _sha256_in(headers: Message) -> str:
    tag = headers.get(_LINKED_TAG, "").strip('"')
    return tag if _SHA256.match(tag) else ""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but keep the digest that one of them names."""

    def __init__(self) -> None:
        self.published = ""

    def redirect_request(self, *arguments: Any) -> Any:
        headers = arguments[4]
        self.published = self.published or _sha256_in(headers)
        return super().redirect_request(*arguments)


def _host(address: str) -> str:
    return printable(urllib.parse.urlsplit(address).hostname or address)


def _offline(publication: Publication, target: Path, error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    unreachable = isinstance(reason, OSError) and reason.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    if unreachable or isinstance(reason, (socket.gaierror, TimeoutError, ConnectionRefusedError)):
        what = f"{_host(publication.address)} can't be reached ({one_line(str(reason), 100)})"
    else:
        what = f"The download from {_host(publication.address)} ended ({one_line(str(reason), 100)})"
    kept = f" {target.stat().st_size:,} bytes are kept." if target.exists() and target.stat().st_size else ""
    return (
        f"{what}.{kept} Run the command again when there is a connection; or run "
        f"{fetch_command(publication.network, publication.tag)} on a machine that has one and copy its "
        "weights folder here; or `aimic weights import` a file."
    )
