"""No test here asserts a time: they check the arithmetic, and that both sides of a comparison do the same."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import measure, plain
from benchmarks.__main__ import main
from benchmarks.measure import Lane, Sizes, compared, matrix_product, noise, operations
from repro.data import split_of
from repro.data.parallel import ONE_THREAD
from repro.erf.gradient import effective_receptive_field
from repro.experiment import ModelConfig
from repro.network.cp_resnet import CPResNet, build
from repro.training.augmentation import Mixup
from repro.training.inputs import Inputs

CPU = torch.device("cpu")
TOY = Sizes(CPU, widths=(2,), erf_width=2, clips=10, matrix=8, repetitions=2, lap=0.0, seconds=0.4)


@pytest.fixture
def networks() -> tuple[CPResNet, plain.Network]:
    """Ours and the plain one with the same weights, none of them zero: zeros could hide a mistake."""
    generator = torch.Generator().manual_seed(0)
    ours, theirs = build(ModelConfig(width=8), generator), plain.Network(8)
    with torch.no_grad():
        for weight in ours.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_plain_and_our_network_have_the_same_loss_and_gradients(networks):
    ours, theirs = networks
    generator = torch.Generator().manual_seed(1)
    inputs, labels = torch.randn(6, 1, 256, 40, generator=generator), torch.tensor([0, 1, 2, 3, 4, 5])
    mixup = Mixup.draw(6, 0.3, generator)
    own = mixup.loss(ours(mixup.inputs(inputs)), labels)
    other = plain.mixed_loss(theirs, inputs, labels, mixup.share, mixup.partner)
    assert other.item() == pytest.approx(own.item(), rel=1e-5)
    own.backward()
    other.backward()
    for (name, weight), same in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(same.grad, weight.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_plain_and_our_receptive_field_are_the_same(networks):
    ours, theirs = networks
    clips = torch.randn(3, 1, 256, 40, generator=torch.Generator().manual_seed(1))
    expected = effective_receptive_field(ours, [clips]).float()
    assert expected.max() > 0
    torch.testing.assert_close(plain.receptive_field(theirs, clips), expected, rtol=1e-3, atol=1e-6)


def test_plain_features_are_ours():
    clips = noise(10, 1.0)
    inputs = Inputs(clips, CPU)
    expected = torch.cat(list(inputs.training_batches()))
    torch.testing.assert_close(plain.standardised(clips.waveforms[:10]), expected, rtol=1e-3, atol=1e-3)
    features = plain.features(clips.waveforms[0])
    own = expected[0, 0] * inputs.deviation + inputs.mean
    np.testing.assert_allclose(features, own.numpy(), rtol=1e-3, atol=2e-3)


def test_plain_training_starts_at_chance_and_learns_the_labels():
    torch.manual_seed(0)
    network, labels = plain.Network(4), torch.arange(10)
    with torch.no_grad():
        network.classifier[0].weight.zero_()
    training = plain.Training(network, torch.randn(10, 1, 256, 20), labels, CPU)
    losses = [training.epoch() for _ in range(10)]
    assert losses[0] == pytest.approx(np.log(10), rel=1e-4)
    assert losses[-1] < losses[0]


def test_noise_is_split_into_the_clips_asked_for():
    clips = noise(20, 0.4)
    split = split_of(clips)
    assert clips.waveforms.shape == (22, 8820)
    assert (len(split.train), len(split.seen), len(split.unseen)) == (20, 1, 1)
    assert np.bincount(clips.labels[split.train]).tolist() == [2] * 10


def test_the_ratio_is_that_of_the_same_repetition():
    assert compared("w", "clips/s", [6.0, 8.0, 1.0], "plain", [2.0, 1.0, 1.0]) == {
        "what": "w",
        "unit": "clips/s",
        "ours": 6.0,
        "against": "plain",
        "theirs": 1.0,
        "ratio": 3.0,
        "lowest": 1.0,
        "highest": 8.0,
    }


def test_operations_of_a_network_counted_by_hand():
    # 256 x 17 pixels become 127 x 8, pooled to 63 x 4, 31 x 2 and 15 x 1
    macs = {
        "input, 5x5": 25 * 2 * 127 * 8,
        "block 1, 3x3 and 1x1": (9 + 1) * 2 * 2 * 127 * 8,
        "block 2, 3x3 twice": 2 * 9 * 2 * 2 * 63 * 4,
        "blocks 3 and 4, 3x3 twice": 2 * 2 * 9 * 2 * 2 * 31 * 2,
        "block 5, 3x3 twice, and its shortcut": (9 * 2 * 4 + 9 * 4 * 4 + 2 * 4) * 15,
        "block 6, 1x1 twice, and its shortcut": (4 * 8 + 8 * 8 + 4 * 8) * 15,
        "classifier": 8 * 10 * 15,
    }
    assert sum(macs.values()) == 124_992
    assert operations(2, 17) == 6 * 124_992


def test_the_sizes_follow_the_device():
    assert Sizes.of(CPU, quick=False).widths == (8, 32, 128)
    assert Sizes.of(CPU, quick=True).widths == (8, 32)
    assert Sizes.of(torch.device("cuda"), quick=False).widths == (32, 128, 256, 512)


class Here:
    """In place of a process, whose imports would take most of the test's time."""

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, function: Callable[..., object], *arguments: object) -> Future[object]:
        done: Future[object] = Future()
        done.set_result(function(*arguments))
        return done


def test_a_lane_adds_up_its_processes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "_rate", lambda *arguments: 1.5)
    assert Lane([Here(), Here()], matrix_product, TOY).rate(0) == 3.0
    with measure._process() as process:
        assert process.submit(os.getpid).result() != os.getpid()


@pytest.fixture
def restored_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setattr("benchmarks.__main__.measure", lambda sizes: pytest.fail("it was measured"))
    done = CliRunner().invoke(main, ["--out", str(tmp_path / "file" / "bench.json")])
    assert done.exit_code == 1
    assert "file/bench.json cannot be written (" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.usefixtures("restored_threads")
def test_the_whole_command_on_toy_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "1")  # so that what the command sets is undone
    monkeypatch.setenv("REPRO_STORE", str(tmp_path))
    monkeypatch.setattr(Sizes, "of", lambda device, quick: TOY)
    monkeypatch.setattr(measure, "_process", Here)
    done = CliRunner().invoke(main, ["--quick"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(f"\nWritten to {tmp_path}/bench.json\n")
    report = json.loads((tmp_path / "bench.json").read_text())
    assert list(report) == ["revision", "edited", "finished", "seconds", "quick", "machine", "versions", "rows"]
    assert report["quick"] and report["machine"]["gpu"] is None
    assert report["versions"]["torch"] == torch.__version__.partition("+")[0]
    rows = report["rows"]
    assert [(row["what"], row["unit"], row["against"]) for row in rows] == [
        ("features", "clips/s", "librosa"),
        ("receptive fields, W = 2", "maps/s", "plain, clip by clip"),
        ("training, W = 2", "clips/s", "plain"),
        ("training, W = 2, two processes", "clips/s", "plain, two threads"),
        ("training, W = 2, operations", "GFLOP/s", "matrix product"),
        ("training, W = 2, peak memory", "MiB", "plain"),
    ]
    assert all(0 < row["lowest"] <= row["ratio"] <= row["highest"] < float("inf") for row in rows)
    assert rows[4]["ours"] / rows[2]["ours"] == pytest.approx(operations(2, 18) / 1e9)
