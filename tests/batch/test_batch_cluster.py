"""The same command on a dask cluster: the same results, and a killed worker costs a retry."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from twenty import N, check_results, command, finished, run

from eegcore.batch.cluster import problem_of
from eegcore.cli import main

NAMES = [f"r{n:02d}" for n in range(N)]
needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None,
                                reason="dask.distributed is not installed: pip install 'eegcore[batch]'")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address and worker pids; logs of the cluster go to a file."""
    folder = tmp_path_factory.mktemp("cluster")
    with open(folder / "log", "w") as log, subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("cluster_process.py"))], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:])}) as process:
        line = process.stdout.readline().split()
        assert line, (folder / "log").read_text()
        yield line[0], [int(pid) for pid in line[1:]]
        process.stdin.close()


@needs_dask
def test_a_cluster_gives_the_same_and_a_killed_worker_costs_a_retry(recordings, pipelines, cluster):
    address, workers = cluster
    here, out = pipelines / "here", pipelines / "out"
    status, alone, err = run(pipelines / "fast.yaml", recordings, "--out", here, "--jobs", 2)
    assert status == 0, err
    (pipelines / "slower.yaml").write_text((pipelines / "slow.yaml").read_text().replace("stall_ms: 8", "stall_ms: 5"))
    process = command(pipelines / "slower.yaml", recordings, "--out", out, "--scheduler", address, "--json")
    deadline = time.monotonic() + 60
    while not (list(out.glob("*.csv")) and list(out.glob(".eegcore-*/*.1/*.csv"))):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(workers[0], signal.SIGKILL)
    status, text, err = finished(process)
    assert status == 0, err
    assert check_results(out, NAMES) == check_results(here, NAMES)
    attempts = [one["attempts"] for one in json.loads(text)["outcomes"]]
    assert len(attempts) == N
    assert max(attempts) <= 2
    assert [one["digest"]["csv_sink"] for one in alone["outcomes"]] == [
        one["digest"]["csv_sink"] for one in json.loads(text)["outcomes"]]
    assert err.count("x real time)") == N


@needs_dask
def test_workers_that_cannot_do_the_work_are_found_before(recordings, pipelines, cluster):
    # a folder that the workers, in this machine, do not see: theirs is another file system in spirit
    status, _, err = finished(command(pipelines / "fast.yaml", recordings, "--out", "/proc/self/cwd/out",
                                      "--scheduler", cluster[0], cwd=pipelines))
    assert status == 1
    assert "this worker cannot do the work: it does not reach /proc/self/cwd/out" in err
    assert "Every worker must have the same eegcore" in err
    assert os.listdir(pipelines / "out") == []


@needs_dask
def test_nobody_at_the_address(recordings, pipelines):
    # not in this process: distributed changes how every exception is pickled from then on
    status, _, err = finished(command(pipelines / "fast.yaml", recordings, "--out", pipelines / "out",
                                      "--scheduler", "nonsense://nowhere"))
    assert status == 2
    assert "nonsense://nowhere: no dask scheduler answers" in err


def test_without_dask_the_message_says_how_to_get_it(recordings, pipelines, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["batch", str(pipelines / "fast.yaml"), str(recordings), "--out", str(pipelines / "out"),
                 "--scheduler", "tcp://127.0.0.1:8786"]) == 2
    assert "dask.distributed is not installed here. It is an extra: pip install 'eegcore[batch]'" \
        in capsys.readouterr().err
    assert os.listdir(pipelines / "out") == []


@pytest.mark.parametrize(("change", "said"), [
    ({}, ""), ({"version": "0.0.1"}, "it has eegcore 0.0.1, and here is"),
    ({"sees": False}, "it does not reach /out [another folder of that name]"),
    ({"writes": "Read-only file system"}, "it does not reach /out [Read-only file system]"),
    ({"missing": ["/a.bdf"]}, "it cannot read /a.bdf")])
def test_what_a_worker_may_lack(change, said):
    import eegcore

    answer = {"version": eegcore.__version__, "sees": True, "writes": "", "missing": [], **change}
    assert problem_of(answer, "/out/.eegcore-x").startswith(said)
    assert bool(problem_of(answer, "/out/.eegcore-x")) == bool(said)
