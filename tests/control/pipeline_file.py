"""A small pipeline that tests write into a file."""

PIPELINE = """\
stages:
  - acquire: {board: emulator, sps: 250, channels: 4}
  - to_voltage: {}
  - gain: {factor: 2}
  - null_sink: {}
"""
