"""Benchmarks that anybody can repeat: every figure beside its peer or bare baseline, measured in the same run.

A benchmark is a function ``(Effort) -> list[Line]`` in a module of its own group, named in `catalogue.py`. Absolute
times vary with the machine and its other work: what counts is the ratio, the median over interleaved rounds.
"""
