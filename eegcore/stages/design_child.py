"""Filter design in a process of its own: one JSON specification a line in, one answer a line out.

Importing `scipy.signal` costs 100 MB and half a second, which the serving
process must not pay; this file is run as a script by `design.py` and leaves
when its input closes. It imports nothing of eegcore.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def design(spec: dict[str, Any]) -> list[list[float]]:
    """Return the second-order sections (n_sections rows of 6) of one specification.

    ``{"design": "notch", "hz", "q", "sps"}`` is `scipy.signal.iirnotch` as one section;
    ``{"design": "butter", "order", "edges_hz", "btype", "sps"}`` is `scipy.signal.butter`, and so are
    ``"bessel"`` (with ``norm="mag"``: -3 dB at the edges), ``"cheby1"`` (and ``"ripple_db"``), ``"cheby2"``
    (and ``"stop_db"``) and ``"ellip"`` (and both);
    ``{"design": "decimate", "factor"}`` is the filter of `scipy.signal.decimate(ftype="iir")`:
    Chebyshev type 1 of order 8, 0.05 dB ripple, edge at 0.8 of the new Nyquist frequency.
    """
    from scipy import signal

    name = spec["design"]
    if name == "notch":
        b, a = signal.iirnotch(spec["hz"], spec["q"], fs=spec["sps"])
        sos = signal.tf2sos(b, a)
    elif name in ("butter", "cheby1", "cheby2", "ellip", "bessel"):
        edges = spec["edges_hz"]
        bounds = [spec[key] for key in ("ripple_db", "stop_db") if key in spec]
        more = {"norm": "mag"} if name == "bessel" else {}
        sos = getattr(signal, name)(spec["order"], *bounds, edges if len(edges) > 1 else edges[0], spec["btype"],
                                    fs=spec["sps"], output="sos", **more)
    elif name == "decimate":
        sos = signal.cheby1(8, 0.05, 0.8 / spec["factor"], output="sos")
    else:
        raise ValueError(f"no filter design is called {name!r}")
    return [[float(value) for value in section] for section in sos]


def main() -> None:
    """Answer until the input closes."""
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"sos": [[v.hex() for v in section] for section in design(json.loads(line))]}
        except (ValueError, KeyError, ArithmeticError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
