"""Two chips with a data-ready line each: with one clock they keep step, with a clock each it is noticed and said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIPELINE = """
stages:
  - acquire:
      {board: ads1299, sps: 500, start: GPIO22, reset: GPIO23, clock: external,
       chips: [{spi: /dev/spidev0.0, drdy: GPIO25}, {spi: /dev/spidev0.1, drdy: GPIO26}]}
  - null_sink: {}
"""


@pytest.mark.parametrize("ppm", [0, 1000, 20_000])
def test_a_second_chip_with_a_clock_of_its_own_is_told_from_one_that_shares_it(shim_library, tmp_path, ppm):
    pipeline = tmp_path / "two.yaml"
    pipeline.write_text(PIPELINE)
    words = f"selects=1,1 n_drdy=2 drdy=25,26 start=22 reset=23 masters=1,1 drift_ppm=0,{ppm}"
    done = subprocess.run([sys.executable, "-m", "eegcore", "run", str(pipeline), "--seconds", "3.5"], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(shim_library),
                               "EEGCORE_SHIM": words})
    said = "of a period away from chip 1" in done.stderr and "they have no common clock" in done.stderr
    assert said == (ppm > 0), done.stderr
