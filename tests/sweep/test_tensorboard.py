from pathlib import Path
from typing import Any

import pytest
import tiny

from repro.experiment import Sparsity
from repro.sweep.worker import train_one
from repro.training import checkpoint

pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")

RUN = tiny.experiment(epochs=6, sparsity=Sparsity(method="iterative", weights=200))


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found: dict[str, list[tuple[int, float]]] = {}
    for path in folder.iterdir():
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    return found


def test_every_epoch_is_shown_once_also_after_an_interruption(store, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)

    def interrupt(epoch: int) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_one(RUN, store, interrupt, tensorboard=True)
    (folder,) = (store.root / "tensorboard").iterdir()
    assert [step for step, _ in scalars(folder)["training/loss"]] == [0, 1, 2, 3]
    assert train_one(RUN, store, tensorboard=True) is None
    record = store.load(folder.name)
    shown = scalars(folder)
    for tag, column in (("training/loss", "loss"), ("accuracy/unseen devices", "unseen")):
        expected: list[Any] = record.epochs[column].dropna().items()  # type: ignore[assignment]
        assert shown[tag] == [(epoch, pytest.approx(value)) for epoch, value in expected]
    assert [step for step, _ in shown["training/learning rate"]] == list(range(6))
    for layer in record.layer_sparsity.columns:
        assert [value for _, value in shown[f"sparsity/{layer}"]] == pytest.approx(list(record.layer_sparsity[layer]))
    assert not (store.root / "checkpoints" / folder.name).exists()


def test_nothing_is_shown_unasked(store):
    assert train_one(RUN, store) is None
    assert not (store.root / "tensorboard").exists()


def test_event_files_do_not_make_every_epoch_a_checkpoint(store, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint.checksums, "write_folder", lambda folder, files: saved.append(folder.parent.name))
    assert train_one(RUN, store, tensorboard=True) is None
    assert saved == ["runs"]


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("step", ["__init__", "add_scalar", "close"])
def test_a_run_is_kept_whose_event_files_cannot_be_written(store, monkeypatch, capsys, step):
    monkeypatch.setattr(f"torch.utils.tensorboard.SummaryWriter.{step}", full_disk)
    assert train_one(RUN, store, tensorboard=True) is None
    (key,) = store.finished()
    assert store.failed() == []
    folder = store.root / "tensorboard" / key
    assert capsys.readouterr().err == (
        f"the event files in {folder} are incomplete: [Errno 28] No space left on device\n"
    )


def test_a_folder_that_cannot_be_made_is_no_failure_either(store, capsys):
    (store.root / "tensorboard").touch()
    assert train_one(RUN, store, tensorboard=True) is None
    assert len(store.finished()) == 1
    assert capsys.readouterr().err.startswith(f"the event files in {store.root}/tensorboard/")
