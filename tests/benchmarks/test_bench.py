"""Nothing here asserts a time: what is checked is the arithmetic, and that both sides of a comparison do the same."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from repro.bench.machine import cpu_name
from repro.bench.plain import CachedFeatures, PlainCPResNet, PlainTraining, plain_loss
from repro.bench.race import Lane, Track, rate
from repro.bench.report import Report, Row, Spread, alone, compared, keep, last
from repro.bench.suite import Plan, experiment
from repro.bench.work import MatrixProduct, Recordings, librosa_features, operations
from repro.cli import main
from repro.data import split_of
from repro.errors import InputError
from repro.experiment import DataConfig, Experiment, ModelConfig, Recipe
from repro.network.cp_resnet import build
from repro.training.augmentation import Mixup
from repro.training.features import N_FFT, N_MELS, SAMPLE_RATE, PerceptualMel, to_float
from repro.training.inputs import Inputs
from repro.training.loop import Training

CPU = torch.device("cpu")

TOY = Plan(
    widths=(2,),
    seconds=0.4,
    repetitions=1,
    lap=0.0,
    matrix=8,
    batches=1,
    feature_clips=2,
    map_clips=2,
    prepared_clips=9,
)


def test_operations_of_a_network_counted_by_hand():
    # 256 x 17 pixels become 127 x 8, pooled to 63 x 4, 31 x 2 and 15 x 1
    macs = {
        "input, 5x5": 25 * 2 * 127 * 8,
        "block 1, 3x3 and 1x1": (9 + 1) * 2 * 2 * 127 * 8,
        "block 2, 3x3 twice": 2 * 9 * 2 * 2 * 63 * 4,
        "blocks 3 and 4, 3x3 twice": 2 * 2 * 9 * 2 * 2 * 31 * 2,
        "block 5, 3x3 twice, and its shortcut": (9 * 2 * 4 + 9 * 4 * 4 + 2 * 4) * 15,
        "classifier": 4 * 10 * 15,
    }
    assert sum(macs.values()) == 122_472
    assert operations(ModelConfig(width=2, pointwise=0), frames=17) == 6 * 122_472


def test_a_matrix_product_counts_two_operations_a_multiplication():
    assert MatrixProduct(5, "fp32", CPU).start()() == 250


def test_a_comparison_is_made_repetition_by_repetition():
    row = compared("w", "clips/s", [6.0, 8.0, 1.0], "plain", [2.0, 1.0, 1.0])
    assert row == Row("w", "clips/s", Spread(6, 1, 8), "plain", Spread(1, 1, 2), Spread(3, 1, 8))
    assert alone("w", "s", [4.0, 1.0]) == Row("w", "s", Spread(2.5, 1, 4))


REPORT = Report(
    {"cpu": "Toy CPU", "cores": 2, "gpu": None, "load": 0.5},
    {
        "finished": "2021-07-18T12:00:00+00:00",
        "seconds": 3.0,
        "python": "3.12.1",
        "packages": {"torch": "2.11.0", "numpy": "2.3"},
        "code": {"fingerprint": "f", "commit": None, "dirty": False},
    },
    True,
    (
        compared("features", "clips/s", [300.0, 100.0], "librosa", [100.0, 50.0]),
        alone("repro --help", "s", [0.25]),
    ),
)


def test_the_table():
    assert REPORT.as_text().splitlines() == [
        "Toy CPU, 2 cores; Python 3.12.1; torch 2.11.0; numpy 2.3. 2021-07-18T12:00:00+00:00, quick form; load "
        "when it began 0.5.",
        "what          unit     ours              against  theirs          ratio",
        "features      clips/s  200 (100 to 300)  librosa  75 (50 to 100)  2.5 (2 to 3)",
        "repro --help  s        0.25",
    ]


def test_a_measurement_on_a_busy_machine_says_so():
    busy = replace(REPORT, machine=REPORT.machine | {"load": 1.1})
    assert busy.description().endswith("load when it began 1.1, too busy for these figures to be its own.")


def test_the_json_and_what_the_store_keeps(tmp_path: Path):
    assert last(tmp_path) is None
    keep(REPORT, tmp_path)
    assert last(tmp_path) == REPORT
    values = json.loads((tmp_path / "bench.json").read_text())
    assert list(values) == ["machine", "made", "quick", "rows"]
    assert values["rows"][0] == {
        "what": "features",
        "unit": "clips/s",
        "ours": {"median": 200.0, "low": 100.0, "high": 300.0},
        "against": "librosa",
        "theirs": {"median": 75.0, "low": 50.0, "high": 100.0},
        "ratio": {"median": 2.5, "low": 2.0, "high": 3.0},
    }
    assert values["rows"][1]["theirs"] is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"machine": {}, "made": {}, "quick": true, "rows": [{}]}'])
def test_another_file_in_its_place_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        last(tmp_path)
    assert str(refused.value) == f"{path} is not what 'repro bench' writes: make it anew with 'repro bench'"


def test_the_processor(tmp_path: Path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Toy 9000 \nflags\t\t: fpu\n\nmodel name\t: Other\n")
    assert cpu_name(cpuinfo) == "Toy 9000"
    assert cpu_name(tmp_path / "none")


def test_the_recordings_have_the_clips_asked_for():
    clips = Recordings(20, 0.4).clips()
    split = split_of(clips)
    assert clips.waveforms.shape == (22, 8820)
    assert (len(split.train), len(split.seen), len(split.unseen)) == (20, 1, 1)
    assert np.bincount(clips.labels[split.train]).tolist() == [2] * 10


def plain_and_ours(**recipe: object) -> tuple[PlainTraining, Training]:
    """Both on the same clips; what is drawn in either is left out unless `recipe` has it."""
    described = Experiment(
        data=DataConfig(clip_seconds=0.4),
        model=ModelConfig(width=8),
        recipe=Recipe(**{"epochs": 50, "warmup_epochs": 1, "max_lr": 1e-3, "roll": "off", "mixup_alpha": 0.0} | recipe),
    )
    inputs = Inputs(Recordings(10, 0.4).clips(), CPU)
    return PlainTraining(described, inputs), Training(described, inputs)


def test_plain_training_computes_what_ours_does():
    plain, ours = plain_and_ours()
    losses = []
    for _ in range(3):  # all clips are one batch, so that their order is the only thing drawn
        ours.run_epoch()
        losses.append((plain.run_epoch(), ours._epochs[-1].loss))
    assert losses[0][0] == pytest.approx(np.log(10), rel=1e-5)  # a new network gives every class the same score
    assert losses[2][0] < losses[0][0] - 0.1
    for theirs, own in losses:
        assert theirs == pytest.approx(own, rel=1e-3)


def test_the_loss_and_its_gradients_are_ours_for_the_same_weights_and_batch():
    config, generator = ModelConfig(width=8), torch.Generator().manual_seed(0)
    ours, plain = build(config, generator), PlainCPResNet(config, 10)
    with torch.no_grad():
        for weight in ours.parameters():  # without zeros, behind which a mistake could hide
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    plain.load_state_dict(ours.state_dict())
    features = torch.randn(6, 1, 256, 40, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    mixup = Mixup.draw(6, 0.3, generator)
    losses = (
        mixup.loss(ours(mixup.inputs(features)), labels),
        plain_loss(plain, features, labels, mixup.share, mixup.partner),
    )
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-5)
    for loss in losses:
        loss.backward()
    for (name, own), other in zip(ours.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(other.grad, own.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_plain_training_augments():
    rolled = CachedFeatures(Inputs(Recordings(10, 0.4).clips(), CPU), Recipe())
    still = CachedFeatures(Inputs(Recordings(10, 0.4).clips(), CPU), Recipe(roll="off"))
    changed = [place for place in range(10) if not torch.equal(rolled[place][0], still[place][0])]
    assert len(changed) >= 5  # a shift of none of the 18 is possible
    for place in range(10):
        assert torch.equal(rolled[place][0].sort(dim=2).values, still[place][0].sort(dim=2).values)
        assert rolled[place][1] == place
    plain, _ = plain_and_ours(mixup_alpha=0.3)
    assert plain.run_epoch() == pytest.approx(np.log(10), rel=1e-5)


def test_the_librosa_loop_computes_our_features():
    waveforms = Recordings(1, 1.0).clips().waveforms
    bank = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS)
    frequencies = librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT)
    own = PerceptualMel()(to_float(torch.from_numpy(waveforms)))
    for waveform, expected in zip(waveforms, own, strict=True):
        found = librosa_features(waveform, bank, frequencies)
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=2e-3)


@dataclass(frozen=True)
class Diary:
    """A contestant that writes down where it works."""

    name: str
    path: Path

    def start(self) -> Callable[[], int]:
        self._write("start")
        return self._pass

    def _pass(self) -> int:
        self._write(f"pass {torch.get_num_threads()} {os.environ['OMP_NUM_THREADS']}")
        return 1

    def _write(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{self.name} {os.getpid()} {line}\n")


def test_contestants_take_turns_in_their_own_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    diary = tmp_path / "diary"
    lanes = {
        "x": Lane(Diary("x", diary)),
        "y": Lane(Diary("y", diary), 2, 3),
        "z": Lane(Diary("z", diary), side="plain"),
    }
    with Track() as track:
        rates = track.race(lanes, 2, 0.0)
    assert "OMP_NUM_THREADS" not in os.environ
    assert {name: len(values) for name, values in rates.items()} == {"x": 2, "y": 2, "z": 2}
    assert all(value > 0 for values in rates.values() for value in values)
    lines = [line.split() for line in diary.read_text().splitlines()]
    assert [name for name, _, kind, *_ in lines if kind == "start"] == ["x", "y", "y", "z"]
    passes = [(name, *rest) for name, _, kind, *rest in lines if kind == "pass"]
    x, y, z = ("x", "1", "1"), ("y", "3", "1"), ("z", "1", "1")
    assert passes == [x, y, y, z, x, y, y, z, z, y, y, x]  # a pass to warm up, a lap forwards, a lap backwards
    processes = {name: {pid for other, pid, *_ in lines if other == name} for name in "xyz"}
    assert len(processes["y"]) == 2
    assert len(processes["x"]) == 1 and processes["x"] < processes["y"]
    assert len(processes["z"]) == 1 and not processes["z"] & processes["y"]
    assert str(os.getpid()) not in processes["y"] | processes["z"]


def test_a_lap_lasts_for_the_time_asked_for(tmp_path: Path):
    threads = torch.get_num_threads()
    rate(Diary("z", tmp_path / "diary"), threads, 0.05)
    assert (tmp_path / "diary").read_text().count("pass") > 1


def test_the_whole_measurement_on_toy_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REPRO_STORE", str(tmp_path))
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setattr(Plan, "of", lambda device, quick: TOY)
    monkeypatch.setattr("repro.bench.suite.multiplies_bf16", lambda device: True)
    done = CliRunner().invoke(main, ["bench", "--json", "--quick"])
    assert done.exit_code == 0, done.output
    report = last(tmp_path)
    assert report is not None
    assert json.loads(done.stdout) == json.loads((tmp_path / "bench.json").read_text())
    assert report.quick
    assert [(row.what, row.unit, row.against) for row in report.rows] == [
        ("features, one thread", "clips/s", "librosa, clip by clip"),
        ("training, W = 2, fp32, one thread", "clips/s", "plain, fp32"),
        ("training, W = 2, fp32, 1 processes", "clips/s", "plain, fp32, 1 threads"),
        ("training, W = 2, fp32, 1 processes", "clips/s", "plain, fp32, 1 processes"),
        ("training, W = 2, fp32, one thread, operations", "GFLOP/s", "matrix product, fp32"),
        ("training, W = 2, bf16, one thread", "clips/s", "plain, fp32"),
        ("training, W = 2, bf16, 1 processes", "clips/s", "plain, fp32, 1 threads"),
        ("training, W = 2, bf16, 1 processes", "clips/s", "plain, fp32, 1 processes"),
        ("training, W = 2, bf16, one thread, operations", "GFLOP/s", "matrix product, bf16"),
        ("effective receptive fields, W = 2, one thread", "maps/s", None),
        ("peak memory of training, W = 2, process", "MiB", "plain"),
        ("synthetic clips rendered, 1 processes", "clips/s", None),
        ("import repro.training.loop", "s", None),
        ("repro --help", "s", None),
    ]
    assert all(0 < row.ours.low <= row.ours.median <= row.ours.high < float("inf") for row in report.rows)
    clips, reached = report.rows[1].ours, report.rows[4].ours
    assert reached.median / clips.median == pytest.approx(operations(ModelConfig(width=2), 18) / 1e9)


def test_the_experiment_never_leaves_its_warm_up():
    recipe = experiment(8, "bf16", 5.0).recipe
    assert (recipe.precision, recipe.batch_size, recipe.mixup_alpha, recipe.roll) == ("bf16", 10, 0.3, "hops")
    assert recipe.warmup_epochs == 10**8


def test_the_plan_follows_the_device():
    assert Plan.of(CPU, quick=False).widths == (8, 32, 128)
    assert Plan.of(CPU, quick=True).widths == (8, 32)
    assert Plan.of(torch.device("cuda"), quick=False).widths[-1] == 512
