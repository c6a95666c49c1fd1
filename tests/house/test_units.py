"""The systemd units: what real-time acquisition needs is allowed, the rest is closed, and the documents agree."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict

import pytest
from source import ROOT

TEMPLATES = ROOT / "eegcore/templates"
UNITS = sorted(TEMPLATES.glob("*.service"))
MDWE = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):             # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit(77)
from eegcore.cli import main
sys.exit(main(sys.argv[1:]))
"""


def keys(unit: str) -> dict[str, list[str]]:
    """Return the values of every key of a unit, sections left out: no key is in two."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in (TEMPLATES / unit).read_text().splitlines():
        assert not line or line[0] in "#[" or "=" in line, line
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            assert value, line
            found[name].append(value)
    return found


def test_real_time_and_locked_memory_are_granted():
    unit = keys("eegcore.service")
    assert unit["LimitRTPRIO"] == ["90"]
    assert unit["LimitMEMLOCK"] == ["infinity"]
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"] == ["CAP_SYS_NICE CAP_IPC_LOCK"]
    assert "RestrictRealtime" not in unit


def test_only_spi_and_gpio_are_open():
    unit = keys("eegcore.service")
    assert unit["DevicePolicy"] == ["closed"]
    assert unit["DeviceAllow"] == ["char-spi rw", "char-gpiochip rw"]
    assert unit["SupplementaryGroups"] == ["spi gpio"]
    assert "PrivateDevices" not in unit


def test_the_rest_of_the_machine_is_closed():
    unit = keys("eegcore.service")
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "ProtectKernelTunables", "ProtectKernelModules",
                 "ProtectControlGroups", "LockPersonality", "MemoryDenyWriteExecute", "RestrictSUIDSGID"):
        assert unit[name] == ["yes"], name
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["StateDirectory"] == ["eegcore"]
    assert "AF_PACKET" not in unit["RestrictAddressFamilies"][0]
    assert unit["User"] == ["eegcore"]


def test_reload_stop_and_restart_mean_what_serve_means_by_them():
    unit = keys("eegcore.service")
    assert unit["Type"] == ["notify"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert unit["KillMode"] == ["mixed"]
    assert unit["RestartPreventExitStatus"] == ["2"]
    from eegcore.cli.parser import make_parser

    words = unit["ExecStart"][0].removesuffix(" $EEGCORE_OPTIONS").split()[3:]
    parsed = make_parser().parse_args([*words, "--host", "0.0.0.0", "--allow-host", "pi.local"])
    assert parsed.file == "/etc/eegcore/pipeline.yaml"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong(tmp_path):
    for unit in UNITS:
        text = unit.read_text().replace("/usr/local/lib/eegcore/current/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
                          capture_output=True, text=True, check=False, timeout=60)
    told = [line for line in done.stderr.splitlines() if "eegcore" in line]
    assert told == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_calls_the_exposure_low(tmp_path):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", str(TEMPLATES / "eegcore.service")],
                          capture_output=True, text=True, check=False, timeout=60)
    if "exposure level" not in done.stdout:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert float(re.search(r"exposure level for eegcore\.service: ([\d.]+)", done.stdout)[1]) <= 2.5


def test_the_core_runs_without_writable_executable_memory():
    words = ["run", "pipelines/default.yaml", "--virtual", "--seconds", "1", "--json"]
    done = subprocess.run([sys.executable, "-c", MDWE, *words], capture_output=True, text=True, check=False, cwd=ROOT,
                          timeout=60)
    if done.returncode == 77:
        pytest.skip("this kernel knows no PR_SET_MDWE")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["balanced"]


def test_the_install_notes_name_what_the_units_use():
    text = (ROOT / "docs/raspberry_pi.md").read_text()
    unit = keys("eegcore.service")
    for value in ("/usr/local/lib/eegcore/current", "/etc/eegcore/pipeline.yaml", "/etc/eegcore/environment",
                  "EEGCORE_OPTIONS", "EEGCORE_TOKEN", "/var/lib/eegcore", "/var/cache/eegcore"):
        assert value in text
        assert value in "\n".join([value for values in unit.values() for value in values]) + "EEGCORE_TOKEN"
    assert "--groups spi,gpio eegcore" in text
    for name in ("eegcore-governor", "eegcore.service"):
        assert name in text


def test_the_units_are_shipped():
    assert '"templates/*"' in (ROOT / "pyproject.toml").read_text()
    assert "graft eegcore/templates" in (ROOT / "MANIFEST.in").read_text()
    assert {unit.name for unit in UNITS} == {"eegcore.service", "eegcore-governor.service"}
