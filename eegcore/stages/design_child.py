"""Filter design in a process of its own: one line of JSON in, one out.

A line in is ``{"sos": spec}`` or ``{"taps": spec}``; the answer has the same key, with rows of hexadecimal
floats, or the key ``error``.

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


def taps(spec: dict[str, Any]) -> list[float]:
    """Return the taps of one specification, newest frame first.

    ``{"design": "firwin", "n_taps", "edges_hz", "pass_zero", "window", "sps"}`` is `scipy.signal.firwin`, with
    the mean of the two mirrored taps in place of both: they differ by the rounding of the window, less than
    2^-52 of the largest tap, and a filter of linear phase has them equal.
    ``{"design": "hilbert", "n_taps", "window"}`` is the transformer ``2 / (pi m)`` at odd distances m from the
    middle (Oppenheim and Schafer, Discrete-Time Signal Processing, section 12.4), times the window. The taps
    at even distances are zero; only the others are returned, ``(n_taps + 1) / 2`` of them.
    ``window`` is a name or ``["kaiser", beta]``, as `scipy.signal.get_window` takes it.
    """
    import numpy as np
    from scipy import signal

    n_taps = spec["n_taps"]
    window = tuple(spec["window"]) if isinstance(spec["window"], list) else spec["window"]
    if spec["design"] == "firwin":
        edges = spec["edges_hz"]
        made = signal.firwin(n_taps, edges if len(edges) > 1 else edges[0], window=window,
                             pass_zero=spec["pass_zero"], fs=spec["sps"])
        made = (made + made[::-1]) / 2
    elif spec["design"] == "hilbert":
        distance = np.arange(n_taps) - (n_taps - 1) // 2
        shape = signal.get_window(window, n_taps, fftbins=False)
        odd = distance % 2 == 1
        made = 2 / (np.pi * distance[odd]) * ((shape + shape[::-1]) / 2)[odd]
    else:
        raise ValueError(f"no filter design is called {spec['design']!r}")
    return [float(tap) for tap in made]


def main() -> None:
    """Answer until the input closes."""
    for line in sys.stdin:
        try:
            (form, spec), = json.loads(line).items()
            rows = design(spec) if form == "sos" else [taps(spec)]
            answer: dict[str, Any] = {form: [[value.hex() for value in row] for row in rows]}
        except (ValueError, KeyError, ArithmeticError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
