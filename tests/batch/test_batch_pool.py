"""`PipelinePool`: futures of outcomes, names of outputs, workers that die."""

from __future__ import annotations

import doctest
import os
import pickle
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from twenty import PIPELINE, SLOW, check_results, rows, write_edf

import eegcore as ec
from eegcore.batch.inputs import find_recordings, name_all
from eegcore.errors import BadArgument, Stopped


def test_the_examples_of_the_docstring_run(tmp_path, monkeypatch, repository):
    import eegcore.batch.pool

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").symlink_to(repository / "pipelines")
    for name in ("recording", "one", "two"):
        write_edf(tmp_path / f"{name}.edf", len(name))
    assert doctest.testmod(eegcore.batch.pool, optionflags=doctest.ELLIPSIS) == (0, 4)


def test_futures_in_any_order_and_map_in_that_given(recordings, pipelines):
    paths = [recordings / f"r{n:02d}.edf" for n in (3, 1, 2)]
    with ec.PipelinePool(pipelines / "fast.yaml", max_concurrent=2, out=pipelines / "out") as pool:
        first = pool.execute(recordings / "r05.edf")
        outcomes = list(pool.map(paths))
        again = first.result()
    assert [outcome.input for outcome in outcomes] == [str(path) for path in paths]
    assert again.ok
    assert again.outputs == (str(pipelines / "out/r05_filtered.csv"),)
    assert again.ledger["frames"] == again.frames == 5000
    assert again.signal_s == 20
    assert again.times_real_time == again.signal_s / again.seconds
    assert set(again.digest) == {"csv_sink"}
    assert pickle.loads(pickle.dumps(again)) == again
    check_results(pipelines / "out", ["r01", "r02", "r03", "r05"])
    with pytest.raises(Stopped):
        pool.execute(paths[0])


def test_a_document_is_a_pipeline_too_and_sinks_may_write_elsewhere(recordings, tmp_path):
    stages = [{"playback": {}}, {"notch": {"hz": 50}}, {"csv_sink": {"id": "here", "path": "a/{input}.csv"}},
              {"csv_sink": {"id": "there", "path": f"{tmp_path}/there/{{start}}.csv", "inputs": "notch"}},
              {"null_sink": {"inputs": "notch"}}]
    with ec.PipelinePool(stages, max_concurrent=1, out=tmp_path / "out") as pool:
        outcome, = pool.map([recordings / "r00.edf"])
    assert outcome.ok, outcome.error
    assert os.listdir(tmp_path / "out") == ["a"]
    assert sorted(os.listdir(tmp_path / "out/a")) == ["r00.csv", "r00.csv.ledger.json"]
    there, ledger = sorted(os.listdir(tmp_path / "there"))
    assert there.startswith("r00_20")                    # no {input} in it: the name is put in front
    assert ledger == f"{there}.ledger.json"
    assert set(outcome.digest) == {"here", "there", "null_sink"}
    assert rows(tmp_path / "there" / there) == rows(tmp_path / "out/a/r00.csv")


def test_the_same_name_in_different_folders_stays_apart(tmp_path):
    for folder in ("sub01", "sub02"):
        (tmp_path / folder).mkdir()
        write_edf(tmp_path / folder / "eeg.edf", int(folder[-1]))
    paths = [str(tmp_path / folder / "eeg.edf") for folder in ("sub01", "sub02")]
    (tmp_path / "p.yaml").write_text(PIPELINE)
    with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=2, out=tmp_path / "out") as pool:
        assert all(outcome.ok for outcome in pool.map(paths))
    found = check_results(tmp_path / "out", ["eeg", "sub02_eeg"])
    assert found["eeg"] != found["sub02_eeg"]
    with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=1, out=tmp_path / "two") as pool:
        assert pool.execute(paths[0], name="x").result().ok
        with pytest.raises(BadArgument, match="is called 'x' already"):
            pool.execute(paths[1], name="x")
        with pytest.raises(BadArgument, match="It becomes a part of file names"):
            pool.execute(paths[1], name="a/b")


def test_names_are_the_shortest_that_differ_whatever_the_order():
    paths = ["/d/a/s1/eeg.bdf", "/d/a/s2/eeg.bdf", "/d/b/s1/eeg.bdf", "/d/one.bdf", "/d/two.bdf", "/d/two.csv",
             "/d/x{start}.csv.xz"]
    names = name_all(paths)
    assert list(map(names.get, paths)) == ["a_s1_eeg", "s2_eeg", "b_s1_eeg", "one", "two.bdf", "two.csv", "x_start_"]
    assert name_all(paths[::-1]) == names
    assert name_all(["/a/b_c.bdf", "/b/c.bdf", "/x/c.bdf"]) == {
        "/a/b_c.bdf": "b_c", "/b/c.bdf": "c.bdf", "/x/c.bdf": "x_c"}


def test_inputs_are_files_folders_and_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.edf", "a.edf", "in/c.edf", "in/deep/d.edf", "in/.hidden.edf", "in/e.csv.ledger.json",
                 "odd[1].edf"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"{}" if name.endswith("json") else b"0       ")
    found = find_recordings(["b.edf", "in", "*.edf", "in/**/*.edf", "odd[1].edf"])
    assert [os.path.relpath(path) for path in found] == ["b.edf", "in/c.edf", "a.edf", "odd[1].edf", "in/deep/d.edf"]
    with pytest.raises(BadArgument) as caught:
        find_recordings(["a.edf", "none.edf", "none*.edf"])
    assert len(str(caught.value).splitlines()) == 2


def test_whose_worker_is_always_killed_fails_alone(tmp_path, recordings):
    (tmp_path / "p.yaml").write_text(SLOW)
    pool = ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=2, out=tmp_path / "out", retries=1)
    ended = threading.Event()

    def kill_it() -> None:
        while not ended.wait(0.01):
            for path in (tmp_path / "out").glob(".eegcore-*/000002.*/*.csv"):
                for worker in pool._workers._all:
                    if worker.name == "r01" and path.exists():
                        worker.kill()

    with pool:
        thread = threading.Thread(target=kill_it)
        thread.start()
        outcomes = list(pool.map([recordings / f"r{n:02d}.edf" for n in range(4)]))
        ended.set()
        thread.join()
    assert [outcome.ok for outcome in outcomes] == [True, False, True, True]
    assert outcomes[1].error.endswith("its worker process was killed 2 times (out of memory, or by somebody). "
                                      "Use fewer jobs, or look into the system log.")
    assert outcomes[1].attempts == 2
    check_results(tmp_path / "out", ["r00", "r02", "r03"])


def test_an_idle_worker_that_was_killed_costs_nothing(tmp_path, recordings):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=1, out=tmp_path / "out") as pool:
        assert pool.execute(recordings / "r00.edf").result().ok
        os.kill(pool._workers.pids[0], signal.SIGKILL)
        outcome = pool.execute(recordings / "r01.edf").result()
    assert (outcome.ok, outcome.attempts) == (True, 1)
    check_results(tmp_path / "out", ["r00", "r01"])


def test_leaving_by_an_error_gives_up_at_once(tmp_path, recordings):
    (tmp_path / "p.yaml").write_text(SLOW.replace("stall_ms: 8", "stall_ms: 2000"))
    began = time.monotonic()
    futures = []

    def fail_meanwhile() -> None:
        with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=2, out=tmp_path / "out") as pool:
            futures.extend(pool.execute(path) for path in sorted(recordings.iterdir()))
            while not any((tmp_path / "out").glob(".eegcore-*/*.1/*.csv")):
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert time.monotonic() - began < 30
    assert {(future.result().ok, future.result().stopped) for future in futures} == {(False, True)}
    assert os.listdir(tmp_path / "out") == []


def test_the_memory_of_one_recording_is_that_of_the_next(tmp_path):
    """26 MB each: a worker holds one of them, also while it begins with the next."""
    def most_bytes() -> int:
        status = Path(f"/proc/{pool._workers.pids[0]}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10

    write_edf(tmp_path / "r0.edf", 0, n_frames=200_000, n_channels=32)
    (tmp_path / "p.yaml").write_text(PIPELINE.replace("csv_sink: {path: \"{input}_filtered.csv\"}", "null_sink: {}"))
    with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=1, out=tmp_path / "out") as pool:
        found = []
        for n in range(5):
            os.link(tmp_path / "r0.edf", tmp_path / f"r{n + 1}.edf")
            assert pool.execute(tmp_path / f"r{n + 1}.edf").result().ok
            found.append(most_bytes())
    assert found[-1] - found[0] < 13e6, found


def test_a_sink_that_fails_leaves_nothing(tmp_path, recordings):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    (tmp_path / "out").mkdir()
    os.chmod(tmp_path / "out", 0o755)
    name = "n" * 240                                     # with what the sink adds, longer than a name may be
    with ec.PipelinePool(tmp_path / "p.yaml", max_concurrent=1, out=tmp_path / "out") as pool:
        outcome = pool.execute(recordings / "r00.edf", name=name).result()
        assert pool.execute(recordings / "r01.edf").result().ok
    assert "the name is too long" in outcome.error
    check_results(tmp_path / "out", ["r01"])
