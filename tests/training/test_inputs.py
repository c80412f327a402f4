import threading
from collections.abc import Iterator

import numpy as np
import pytest
import tiny
import torch

from repro.data import load
from repro.data.clips import Clips
from repro.data.features import HOP, PerceptualMel, to_float
from repro.training import inputs as inputs_module
from repro.training.inputs import Inputs, Roll, one_ahead

CPU = torch.device("cpu")
KINDS: tuple[Roll, ...] = ("hops", "samples", "off")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Clips:
    return load(tiny.DATA, tiny.store(tmp_path_factory.mktemp("toy")).root)


def without_memory(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> Inputs:
    """Inputs for whose features there is no memory; from now on there is none for those of others either."""
    monkeypatch.setattr(inputs_module, "KEPT_BYTES", 0)
    return Inputs(clips, CPU)


def epoch(inputs: Inputs, kind: Roll, size: int = 5, seed: int = 3) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    batches = list(inputs.epoch(kind, size, torch.Generator().manual_seed(seed)))
    return [places for places, _ in batches], [batch for _, batch in batches]


def by_hand(inputs: Inputs, row: int, shift: int = 0) -> torch.Tensor:
    """The network's input for one clip of the whole set, rolled by samples: (1, 256, frames)."""
    wave = np.roll(inputs.clips.waveforms[row], shift)
    features = PerceptualMel()(to_float(torch.from_numpy(wave)[None]))
    return (features - inputs.mean) / inputs.deviation


def test_what_is_read_off_the_recordings(toy_inputs, clips):
    assert toy_inputs.frames == 18 and toy_inputs.batch == 10
    assert toy_inputs.labels.tolist() == [int(scene == "tone") for scene in clips.table["scene"]]
    rows = clips.table.iloc[toy_inputs.split.train]
    assert len(rows) == 12 and set(rows["device"]) == {"a"}
    features = PerceptualMel()(to_float(torch.from_numpy(clips.waveforms[toy_inputs.split.train]))).double()
    torch.testing.assert_close(toy_inputs.mean[:, 0].double(), features.mean(dim=(0, 2)), atol=1e-4, rtol=0)
    deviation = features.std(dim=(0, 2), correction=0)
    torch.testing.assert_close(toy_inputs.deviation[:, 0].double(), deviation, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["test", "train"])
def test_batches_without_augmentation_are_the_clips_one_by_one(clips, monkeypatch, kind):
    def batches(inputs: Inputs) -> list[torch.Tensor]:
        return list(inputs.test_batches() if kind == "test" else inputs.training_batches())

    inputs = Inputs(clips, CPU)
    rows = getattr(inputs.split, kind)
    first, kept, anew = batches(inputs), batches(inputs), batches(without_memory(clips, monkeypatch))
    assert kept[0].data_ptr() == first[0].data_ptr() != anew[0].data_ptr()
    expected = torch.stack([by_hand(inputs, row) for row in rows])
    assert expected.shape == (len(rows), 1, 256, 18)
    for given in (first, kept, anew):
        assert [len(batch) for batch in given] == ([8] if kind == "test" else [10, 2])
        assert torch.equal(torch.cat(given), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_kept_features_make_the_batches_that_unkept_ones_make(clips, monkeypatch, kind):
    keeping = Inputs(clips, CPU)
    kept = [epoch(keeping, kind, seed=seed) for seed in range(3)]
    assert set(keeping._kept) == {"hops": {"periodic"}, "samples": set(), "off": {"train"}}[kind]
    forgetful = without_memory(clips, monkeypatch)
    anew = [epoch(forgetful, kind, seed=seed) for seed in range(3)]
    assert forgetful._kept == {}
    for (places, batches), (same_places, same_batches) in zip(kept, anew, strict=True):
        assert torch.equal(torch.cat(places), torch.cat(same_places))
        assert [batch.shape for batch in batches] == [(5, 1, 256, 18), (5, 1, 256, 18), (2, 1, 256, 18)]
        assert torch.equal(torch.cat(batches), torch.cat(same_batches))


def test_kept_features_take_no_more_than_they_may(clips, monkeypatch):
    size = 12 * 256 * 35 * 4  # 12 clips, 2 x 18 - 1 frames, float32
    for allowed, kept in ((size, {"periodic"}), (size - 1, set())):
        monkeypatch.setattr(inputs_module, "KEPT_BYTES", allowed)
        inputs = Inputs(clips, CPU)
        epoch(inputs, "hops")
        assert set(inputs._kept) == kept


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_what_a_gpu_has_room_for_changes_no_input(clips, monkeypatch, kind, resident, kept):
    expected = epoch(Inputs(clips, CPU), kind), list(Inputs(clips, CPU).test_batches())
    free, pinned = [10**9 if resident else 0], []
    monkeypatch.setattr(inputs_module, "is_gpu", lambda device: True)  # the CPU is taken for one
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free[0], 10**9))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(len(tensor)) or tensor)
    inputs = Inputs(clips, CPU)
    assert (inputs._resident is not None) == resident
    free[0] = 10**9 if kept else 0
    (places, batches), tested = epoch(inputs, kind), list(inputs.test_batches())
    assert torch.equal(torch.cat(places), torch.cat(expected[0][0]))
    assert torch.equal(torch.cat(batches), torch.cat(expected[0][1]))
    assert torch.equal(torch.cat(tested), torch.cat(expected[1]))
    keeps = {"test", *{"hops": ["periodic"], "samples": [], "off": ["train"]}[kind]}
    assert set(inputs._kept) == (keeps if kept else set())
    # what is read for the statistics, for the epoch (at once where it is kept), and for the test
    training = [12] if kept and kind != "samples" else [5, 5, 2]
    assert pinned == ([] if resident else [12, *training, 8])


@pytest.mark.parametrize("kind", KINDS)
def test_every_training_clip_comes_once_rolled_by_its_shift(toy_inputs, kind):
    places, batches = epoch(toy_inputs, kind)
    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(12, generator=generator)
    shifts = torch.randint({"hops": 18, "samples": 8820, "off": 8820}[kind], (12,), generator=generator)
    assert torch.equal(torch.cat(places), order) and sorted(order.tolist()) == list(range(12))
    unit = {"hops": HOP, "samples": 1, "off": 0}[kind]
    ends = 2 if kind == "hops" else 0  # there the clip is repeated, and mirrored where its features are computed
    inside = slice(ends, 18 - ends)
    for place, shift, given in zip(order, shifts, torch.cat(batches), strict=True):
        expected = by_hand(toy_inputs, toy_inputs.split.train[place], int(shift) * unit)
        torch.testing.assert_close(given[..., inside], expected[..., inside], atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_shifts_come_from_the_generator_alone(toy_inputs, kind):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    places, first = epoch(toy_inputs, kind)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    again, second = epoch(toy_inputs, kind)
    other, _ = epoch(toy_inputs, kind, seed=4)
    assert torch.equal(torch.cat(places), torch.cat(again)) and torch.equal(torch.cat(first), torch.cat(second))
    assert not torch.equal(torch.cat(places), torch.cat(other))


def test_one_generator_draws_another_order_every_epoch(toy_inputs):
    generator = torch.Generator().manual_seed(0)
    orders = [torch.cat([places for places, _ in toy_inputs.epoch("off", 12, generator)]) for _ in range(2)]
    assert not torch.equal(*orders)


def test_a_batch_may_be_larger_than_the_set(toy_inputs):
    assert [len(places) for places in epoch(toy_inputs, "hops", size=100)[0]] == [12]


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ThreadPoolExecutor")]


class Reading:
    """A source of numbers, and what was asked of it."""

    def __init__(self, faulty: int | None = None) -> None:
        self.taken: list[int] = []
        self.read: list[tuple[int, str]] = []
        self.faulty = faulty

    def items(self) -> Iterator[int]:
        for item in range(5):
            self.taken.append(item)
            yield item

    def __call__(self, item: int) -> int:
        self.read.append((item, threading.current_thread().name))
        if item == self.faulty:
            raise OSError(f"item {item}")
        return item * item


def test_one_ahead_reads_all_in_order_in_a_thread():
    reading = Reading()
    assert list(one_ahead(reading, reading.items())) == [0, 1, 4, 9, 16]
    assert [item for item, _ in reading.read] == [0, 1, 2, 3, 4]
    assert {thread for _, thread in reading.read}.isdisjoint({threading.current_thread().name})
    assert list(one_ahead(reading, [])) == []
    assert readers() == []


def test_one_ahead_is_one_ahead_and_no_more():
    reading = Reading()
    results = one_ahead(reading, reading.items())
    assert reading.taken == []
    for number in range(4):
        assert next(results) == number * number
        assert reading.taken == list(range(number + 2))
    assert next(results) == 16
    assert next(results, None) is None


def test_one_ahead_reads_while_the_caller_works():
    begun = threading.Event()

    def read(item: int) -> int:
        if item == 1:
            begun.set()
        return item

    results = one_ahead(read, range(3))
    assert next(results) == 0
    assert begun.wait(timeout=60)
    results.close()


def test_an_exception_in_reading_comes_in_its_turn():
    reading = Reading(faulty=2)
    results = one_ahead(reading, reading.items())
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="item 2"):
        next(results)
    assert readers() == []


def test_a_caller_that_ends_early_leaves_no_thread():
    reading = Reading()
    results = one_ahead(reading, reading.items())
    next(results)
    assert len(readers()) == 1
    results.close()
    assert readers() == []
    assert reading.taken == [0, 1]
