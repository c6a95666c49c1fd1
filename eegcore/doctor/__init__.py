"""The doctor: what this machine has, what it lacks, and the exact remedy of each.

One check is one small function that returns one `Result`. All it knows of the
machine it asks `System`, so that tests can put any machine under it.
"""

from __future__ import annotations

from eegcore.doctor.examine import Report, examine
from eegcore.doctor.result import Result
from eegcore.doctor.system import System
from eegcore.doctor.wanted import Wanted, wanted_by

__all__ = ["Report", "Result", "System", "Wanted", "examine", "wanted_by"]
