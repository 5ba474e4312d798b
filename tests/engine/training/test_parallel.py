"""Several processes at one trial: who has what, and that their sums are those of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aimic_tui.engine.training.batches import Batch
from aimic_tui.engine.training.micro_batch_size import load_micro_batch_size
from aimic_tui.engine.training.mixup import Mix
from aimic_tui.engine.training.parallel import SINGLE_RANK, Ranks
from tests.engine.training.small import NETWORK, draw_images


@pytest.mark.parametrize("images", [3, 4, 7, 64])
def test_shares_are_whole_disjoint_and_nearly_equal(images: int) -> None:
    parts = [np.arange(images)[Ranks(rank, 3).share(images)] for rank in range(3)]
    assert np.array_equal(np.concatenate(parts), np.arange(images))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_batch_smaller_than_the_ranks_is_everybodys() -> None:
    assert [Ranks(rank, 4).share(3) for rank in range(4)] == [slice(0, 3)] * 4
    assert {Ranks(rank, 4).seed(11, 3) for rank in range(4)} == {11}  # the same dropout, the same gradients
    assert len({Ranks(rank, 4).seed(11, 8) for rank in range(4)}) == 4
    assert Ranks(0, 4).seed(11, 8) == 11


def test_rows_are_taken_of_a_whole_batch_and_left_where_they_are_a_share() -> None:
    ranks, labels = Ranks(1, 2), torch.arange(5)
    mix = Mix(torch.arange(5) + 10, 0.75)
    inputs = torch.arange(10.0).view(5, 2)
    for given in (inputs, inputs[2:]):
        own, truth, mixed = ranks.own_rows(given, labels, mix)
        assert torch.equal(own, inputs[2:])
        assert truth.tolist() == [2, 3, 4]
        assert mixed is not None and mixed.others.tolist() == [12, 13, 14] and mixed.share == 0.75
    (batch,) = ranks.own_batches([Batch(np.arange(5), np.arange(5) + 100)])
    assert batch.samples.tolist() == [2, 3, 4]
    assert batch.draws.tolist() == [102, 103, 104]


def test_alone_nothing_is_done() -> None:
    inputs, labels = torch.ones(3, 2), torch.arange(3)
    assert SINGLE_RANK.own_rows(inputs, labels, None) == (inputs, labels, None)
    assert SINGLE_RANK.broadcast(lambda: 5) == 5
    assert SINGLE_RANK.gather(inputs, 3, torch.device("cpu")) is inputs
    SINGLE_RANK.barrier()


# In 64 bits what remains between one process and two is the order of summation: 1e-12, where an error would be 1e-2.
PROGRAM = """
import sys
from pathlib import Path
import torch
import torch.nn.functional as F
from aimic_tui.engine.models.build import build_network, training_outputs
from aimic_tui.engine.training.parallel import Ranks, process_group

torch.set_num_threads(1)

def train(ranks):
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", 3, 64).double().train()
    network.classifier[0].eval()  # each rank draws its own dropout
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    random = torch.Generator().manual_seed(1)
    losses = []
    for images in (7, 4, 5):
        inputs = torch.randn(images, 3, 64, 64, generator=random).double()
        labels = torch.randint(0, 3, (images,), generator=random)
        own, truth, _ = ranks.own_rows(inputs, labels, None)
        optimizer.zero_grad()
        with ranks.whole_batch_norms(images):
            loss = F.cross_entropy(training_outputs(network, own)[0][1], truth, reduction="sum") / images
        loss.backward()
        losses += ranks.sum_gradients(images, list(network.parameters()), loss.detach())
        optimizer.step()
    network.eval()
    samples = torch.randn(5, 3, 64, 64, generator=random).double()
    with torch.no_grad():
        rows = network(samples[ranks.share(5)])
    logits = ranks.gather(rows, 5, torch.device("cpu"))
    state = [tensor.double().flatten() for tensor in network.state_dict().values()]
    return torch.cat([torch.stack(losses), logits.flatten(), *state])

with process_group(int(sys.argv[1]), 2, Path(sys.argv[2]), torch.device("cpu")) as ranks:
    together = train(ranks)
    assert ranks.broadcast(lambda: sys.argv[1]) == "0"
    ranks.barrier()
alone = train(Ranks())
print(float(((together - alone).abs() / (1e-3 + alone.abs())).max()))
"""


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(tmp_path / "rendezvous")], stdout=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    apart = [float(process.communicate(timeout=600)[0]) for process in processes]
    assert max(apart) < 1e-6


# The second device holds three images, which it notices in the middle of the second epoch.
SHORT_OF_MEMORY = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
from aimic_tui.engine.training.pipelines import ImagePipeline
from aimic_tui.engine.training.parallel import process_group
from aimic_tui.engine.training.trial import train_trial
from tests.engine.training.small import make_task

torch.set_num_threads(1)
folder, rank = Path(sys.argv[1]), int(sys.argv[2])
real, calls = ImagePipeline.outputs, 0

def outputs(pipeline, images):
    global calls
    calls += 1
    if rank == 1 and calls > 3 and len(images) > 3:
        raise torch.OutOfMemoryError("out of memory")
    return real(pipeline, images)

ImagePipeline.outputs = outputs
task = make_task(folder, model__networks=["test_resnet"], training__batch_size=10)
if rank:
    (folder / "elsewhere").mkdir(exist_ok=True)
    task = replace(task, folder=folder / "elsewhere", checkpoint_folder=task.folder)
with process_group(rank, 2, Path(sys.argv[3]), torch.device("cpu")) as ranks:
    emit = lambda event: rank or print(json.dumps([event.name, event.to_fields()]), flush=True)
    train_trial(replace(task, ranks=ranks), emit=emit, should_stop=lambda: False)
"""


@pytest.mark.slow
def test_when_one_devices_memory_runs_out_the_next_start_goes_on_in_smaller_parts(tmp_path: Path) -> None:
    draw_images(tmp_path / "images")
    trial = tmp_path / "trials" / NETWORK / "fold-1"

    def attempt(name: str) -> tuple[list[int], list[tuple[str, dict[str, Any]]]]:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", SHORT_OF_MEMORY, str(tmp_path), str(rank), str(tmp_path / name)],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            )
            for rank in range(2)
        ]
        said = [process.communicate(timeout=600)[0] for process in processes]
        return [process.returncode for process in processes], [tuple(json.loads(line)) for line in said[0].splitlines()]

    codes, events = attempt("first")
    assert all(codes)
    assert load_micro_batch_size(trial) == 2
    done = sum(event == "epoch" for event, _ in events)
    assert done >= 1
    codes, events = attempt("second")
    assert codes == [0, 0]
    fields = dict(events)
    assert (fields["trial-started"]["resumed"], fields["trial-started"]["epoch"]) == (True, done + 1)
    assert any("2 images at once on each device" in told["sentence"] for event, told in events if event == "warning")
    assert fields["trial-finished"]["epochs"] == 4
    assert load_micro_batch_size(trial) is None
