"""The libraries come without torch's compiler, and with it where something is compiled."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.libraries import timm, torchvision_models

torch.manual_seed(0)
networks = [build_network("mobilenet_v2", 3, 64), build_network("test_resnet", 3, 64)]
with torch.no_grad():
    plain = [network.eval()(torch.ones(1, 3, 64, 64)) for network in networks]
print([name for name in ("torch._dynamo", "torch._dynamo.utils", "torch._inductor") if name in sys.modules])

compiled = [torch.compile(network, backend="eager") for network in networks]
with torch.no_grad():
    assert all(torch.equal(network(torch.ones(1, 3, 64, 64)), was) for network, was in zip(compiled, plain))
import torch._dynamo.utils as utils
import torchvision
roi_align = sys.modules["torchvision.ops.roi_align"]
print(sys.modules["torch._dynamo.utils"] is utils, utils.__file__.endswith("utils.py"))
print(roi_align.is_compile_supported("cpu") == utils.is_compile_supported("cpu"))
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
print(tuple(torchvision.ops.roi_align(torch.ones(1, 1, 8, 8), boxes, 2).shape))
assert timm() is sys.modules["timm"] and torchvision_models() is sys.modules["torchvision.models"]
"""


@pytest.mark.slow
def test_a_network_needs_no_compiler_and_can_be_compiled_later() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.splitlines() == ["[]", "True True", "True", "(1, 1, 2, 2)"]
