"""What is loaded when, and what works without the compiled core."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from source import ROOT

HEAVY = ("numpy", "scipy", "pydantic", "aiohttp", "yaml", "edfio", "prometheus_client", "rich", "eegcore._rt")


def python(code: str, *arguments: str, **environment: str) -> str:
    import os

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), *arguments], capture_output=True, text=True,
                          cwd=ROOT, timeout=120, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_import_eegcore_loads_nothing_heavy():
    loaded = json.loads(python("import sys, json, eegcore; print(json.dumps(sorted(sys.modules)))"))
    assert [name for name in HEAVY if name in loaded] == []


def test_import_eegcore_is_a_small_part_of_starting_python():
    # a ratio in one process, not a time: numpy is the smallest thing a caller would import next
    took = json.loads(python("""
        import json, time
        a = time.perf_counter(); import eegcore
        b = time.perf_counter(); import numpy
        print(json.dumps([b - a, time.perf_counter() - b]))"""))
    assert took[0] < took[1]


def test_every_public_name_is_there_and_in_all():
    import eegcore

    assert sorted(eegcore.__all__) == eegcore.__all__ == sorted(eegcore._HOME)
    for name in eegcore.__all__:
        assert getattr(eegcore, name).__doc__
    with pytest.raises(AttributeError, match="'nothing'"):
        eegcore.nothing  # noqa: B018


@pytest.mark.parametrize("arguments", [
    ["validate", "pipelines/default.yaml"], ["validate", "pipelines/eeg32_4k.yaml", "--json"], ["stages"],
    ["stages", "notch"], ["schema"], ["boards"]], ids=" ".join)
def test_commands_that_only_look_need_no_compiled_core(arguments):
    out = python("""
        import sys
        sys.modules["eegcore._rt"] = None               # as if it had never been built
        from eegcore.cli import main
        raise SystemExit(main(sys.argv[1:]))""", *arguments)
    assert out.strip()


def test_serving_never_imports_scipy_signal(tmp_path):
    # an empty cache: every filter of the preset must be designed anew, by a child that then leaves
    out = python("""
        import json, os, signal, socket, sys, threading, time, urllib.request
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        def stop_after_first_data():
            while True:
                time.sleep(0.1)
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/ledger") as answer:
                        ledger = json.load(answer)
                except OSError:
                    continue
                if any(sink["written"] for sink in ledger["sinks"].values()):
                    return os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=stop_after_first_data, daemon=True).start()
        from eegcore.cli import main
        status = main(["serve", "pipelines/default.yaml", "--port", str(port)])
        print(json.dumps({"status": status, "loaded": [m for m in sys.modules if m.startswith("scipy.signal")]}))
        """, XDG_CACHE_HOME=str(tmp_path))
    assert json.loads(out.splitlines()[-1]) == {"status": 0, "loaded": []}
