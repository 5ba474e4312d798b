"""What a key is called on the bottom line, where that depends on what is asked."""

from __future__ import annotations

from dataclasses import replace

from textual.dom import DOMNode


def rename_key(node: DOMNode, key: str, label: str, tooltip: str | None = None) -> None:
    """Give the binding of `key` another label, on this one widget or screen only.

    Args:
        node: that has the binding.
        key: as it is bound.
        label: what the key does, in a word or two.
        tooltip: the same for the help, in a few words; None leaves it.
    """
    bindings = node._bindings.key_to_bindings[key]
    bindings[0] = replace(bindings[0], description=label, tooltip=bindings[0].tooltip if tooltip is None else tooltip)
