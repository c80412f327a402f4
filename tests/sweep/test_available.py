import stored
import tiny

from repro.store.store import Store
from repro.sweep import available as module
from repro.sweep.available import available


def test_runs_on_different_recordings_are_not_mixed(tmp_path, monkeypatch):
    store = Store(tmp_path)
    both, second, other = (tiny.experiment(seed=seed) for seed in range(3))
    for run, recordings in ((both, "a"), (both, "f"), (second, "f"), (other, "a")):
        store.save(run.key(64 * recordings), stored.files(run, 64 * recordings))
    third = tiny.experiment(seed=3)
    store.save(third.key("f" * 64), stored.files(third))
    monkeypatch.setattr(module, "missing", [])
    found = available([both, second, other, third], store)
    assert [(run.experiment.seed, run.data_fingerprint[0]) for run in found] == [(0, "f"), (1, "f"), (3, "f")]
    assert module.missing == [other]
    assert available([both, other], store, note=False, among=[both, second, other, third])[0].key == both.key("f" * 64)
    assert [run.key for run in available([both, other], store)] == [run.key("a" * 64) for run in (both, other)]
