"""Settings at the edge of what a number can be, and files that cannot be: refused with everything else."""

from __future__ import annotations

import pytest

from eegcore.control.preparing import prepare
from eegcore.errors import ConfigError

START = [{"acquire": {}}, {"to_voltage": {}}]


@pytest.mark.parametrize("rate", [5e-324, 1e-308, 1e-9])
def test_a_rate_that_is_none(rate):
    with pytest.raises(ConfigError, match="to_sps"):
        prepare([*START, {"decimate": {"to_sps": rate}}, {"null_sink": {}}])


@pytest.mark.parametrize("speed", [5e-324, 1e-300, 1e-9, 1e300])
def test_a_speed_that_is_none(tmp_path, speed):
    (tmp_path / "x.csv").write_text("time,a\n0,1\n0.004,2\n")
    with pytest.raises(ConfigError, match="is no speed"):
        prepare([{"playback": {"path": str(tmp_path / "x.csv"), "speed": speed}}, {"null_sink": {}}])


@pytest.mark.parametrize("path", ["/tmp/", "a\0b", "\0", "{start}/"])
def test_a_path_that_names_no_file(path):
    with pytest.raises(ConfigError, match="is no name of a file"):
        prepare([*START, {"csv_sink": {"path": path}}])


@pytest.mark.parametrize("second", ["x_{start}.csv", "./x_{start}.csv", "y/../x_{start}.csv"])
def test_two_sinks_cannot_write_one_file(second):
    with pytest.raises(ConfigError, match="is written by 'csv_sink'"):
        prepare([*START, {"csv_sink": {"path": "x_{start}.csv"}}, {"csv_sink": {"id": "b", "path": second}}])
