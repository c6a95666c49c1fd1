"""How a plan from a file is refused: the two questions every check asks."""

from __future__ import annotations

from typing import Any


def need(good: bool, message: str) -> None:
    """Refuse the plan.

    Raises
    ------
    ValueError
        Unless it is good.
    """
    if not good:
        raise ValueError(message)


def whole(value: Any, low: int, high: int, name: str) -> int:
    """Return a whole number within bounds.

    Raises
    ------
    ValueError
        If it is none.
    """
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, a whole number from {low} to {high} is needed")
    return value
