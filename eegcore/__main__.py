"""``python -m eegcore`` is the ``eegcore`` script."""

from eegcore.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
