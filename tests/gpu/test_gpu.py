"""What only a GPU can show; `make test-gpu` runs these, elsewhere they are skipped."""

import gc

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

from repro.data import load
from repro.experiment import Sparsity
from repro.network.cp_resnet import CPResNet
from repro.sweep.worker import train_one
from repro.training import checkpoint
from repro.training.device import free_memory, make_ready, one_graph
from repro.training.inputs import Inputs
from repro.training.loop import Outcome, Training, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use")

NETWORKS = {
    "base": tiny.experiment(2, epochs=4),
    "damped": tiny.experiment(8, damped=True, epochs=4),
    "static": tiny.experiment(8, epochs=4, sparsity=Sparsity(method="static", weights=200)),
    "iterative": tiny.experiment(8, damped=True, epochs=4, sparsity=Sparsity(method="iterative", weights=200)),
    "bf16": tiny.experiment(8, epochs=4, precision="bf16"),
    "a smaller last batch": tiny.experiment(8, epochs=4, batch_size=5),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Inputs:
    device = torch.device("cuda")
    make_ready(device)
    return Inputs(load(tiny.DATA, tiny.store(tmp_path_factory.mktemp("gpu")).root), device)


def same(first: Outcome, second: Outcome) -> bool:
    return (
        [epoch.loss for epoch in first.epochs] == [epoch.loss for epoch in second.epochs]
        and np.array_equal(first.predictions, second.predictions)
        and np.array_equal(first.erf, second.erf)
        and all(torch.equal(value, second.weights[name]) for name, value in first.weights.items())
    )


def without_graph(model: CPResNet, precision: str, batch: Tensor) -> nn.Module:
    return model


def test_inputs_are_those_of_the_cpu(inputs, toy_inputs):
    for of_gpu, of_cpu in zip(inputs.test_batches(), toy_inputs.test_batches(), strict=False):
        torch.testing.assert_close(of_gpu[: len(of_cpu)].cpu(), of_cpu, rtol=1e-3, atol=1e-3)
    assert torch.equal(inputs.labels.cpu(), toy_inputs.labels)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_recorded_network_gives_the_bits_of_one_that_is_not(inputs, monkeypatch, name):
    recorded = train(NETWORKS[name], inputs)
    monkeypatch.setattr("repro.training.loop.one_graph", without_graph)
    assert same(recorded, train(NETWORKS[name], inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_that_continues_ends_in_the_same_bits(inputs, tmp_path, monkeypatch, name):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    training = Training(NETWORKS[name], inputs)
    while training.epoch < 2:
        training.run_epoch()
    checkpoints = checkpoint.Checkpoints(tmp_path / "run")
    checkpoints.save(training.state())
    assert same(train(NETWORKS[name], inputs, checkpoints=checkpoints), train(NETWORKS[name], inputs))


def test_a_gpu_learns_what_a_cpu_learns(inputs, toy_inputs):
    slow = tiny.experiment(8, epochs=2, max_lr=1e-4)  # a rate at which rounding differences do not multiply
    of_gpu, of_cpu = train(slow, inputs), train(slow, toy_inputs)
    assert of_gpu.epochs[0].loss == pytest.approx(of_cpu.epochs[0].loss, rel=1e-3)
    fast = tiny.experiment(8)
    assert train(fast, inputs).train_accuracy == train(fast, toy_inputs).train_accuracy == 1.0


def test_recording_leaves_weights_and_batch_statistics_as_they_are(inputs):
    model = CPResNet(tiny.experiment(8).model, 2).cuda()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    one_graph(model, "fp32", torch.zeros(4, 1, 256, 17, device="cuda"))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_many_networks_in_one_process_leave_no_memory_behind(tmp_path):
    store = tiny.store(tmp_path)
    occupied = []
    for width in range(2, 12):
        assert train_one(tiny.experiment(width, epochs=1, warmup_epochs=0), store) is None
        gc.collect()
        free_memory(torch.device("cuda"))
        occupied.append(torch.cuda.memory_allocated())
    assert occupied[-1] == occupied[0]
