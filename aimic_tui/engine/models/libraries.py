"""torchvision and timm, imported without torch's compiler, which they only mention.

torchvision imports a module of the compiler for one function of RoIAlign that asks whether it is being compiled, and
timm decorates one function that is not to be. Either brings all of the compiler along: 4 of 11 s of processor time
until `aimic predict` has its network. Here both mentions wait until something is really compiled, and then mean what
they meant. Where a library mentions more of the compiler than that, it is imported as ever.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from threading import RLock
from types import ModuleType
from typing import Any

_COMPILER, _MENTIONED = "torch._dynamo", "torch._dynamo.utils"
_importing = RLock()


def torchvision_models() -> Any:
    """Return the module `torchvision.models`."""
    with _without_compiler():
        return importlib.import_module("torchvision.models")


def timm() -> Any:
    """Return the module `timm`."""
    with _without_compiler():
        return importlib.import_module("timm")


class _Mention(ModuleType):
    """Stands for a module of the compiler until more is asked of it than its one function."""

    @staticmethod
    def is_compile_supported(device: Any) -> bool:
        return bool(_real().is_compile_supported(device))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        return getattr(_real(), name)


def _real() -> Any:
    if isinstance(sys.modules.get(_MENTIONED), _Mention):
        del sys.modules[_MENTIONED]
    return importlib.import_module(_MENTIONED)


@contextmanager
def _without_compiler() -> Iterator[None]:
    with _importing:
        if _COMPILER in sys.modules:
            yield
            return
        import torch.compiler

        disable: Callable[..., Any] = torch.compiler.disable
        sys.modules[_MENTIONED] = _Mention(_MENTIONED)
        torch.compiler.disable = partial(_disabled_where_compiled, disable)
        try:
            yield
        finally:
            torch.compiler.disable = disable
            if isinstance(sys.modules.get(_MENTIONED), _Mention):
                del sys.modules[_MENTIONED]


def _disabled_where_compiled(disable: Callable[..., Any], function: Any = None, *given: Any, **named: Any) -> Any:
    """Do what torch's decorator does, from the moment on at which there is a compiler."""
    if function is None:
        return partial(_disabled_where_compiled, disable, **named)
    if isinstance(function, type):
        return disable(function, *given, **named)

    @wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        if _COMPILER not in sys.modules:
            return function(*arguments, **keywords)
        return disable(function, *given, **named)(*arguments, **keywords)

    return called
