"""Shares of 1, as people type and read them."""

from math import isfinite

from edgeml_runtime.errors import InputError


def parse_share(text: str, option: str) -> float:
    """Return the share that ``3%`` or ``0.03`` stands for.

    Args:
        text: What was typed.
        option: Where, for the message.

    Raises:
        InputError: It is no share, is negative, or is a bare number from 1 on, which could be meant
            as per cent.
    """
    digits, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        number = float(digits)
    except ValueError as error:
        raise InputError(f"{option} {text!r} is no share.", "Write it as 3% or 0.03.") from error
    if not isfinite(number) or number < 0:
        raise InputError(
            f"{option} {text!r} is not 0 or a positive share.", "Write it as 3% or 0.03."
        )
    if not percent and number >= 1:
        raise InputError(
            f"{option} {text!r} could mean {number:g} % or {number * 100:g} %.",
            f"Write {digits.strip()}% for the former.",
        )
    return number / 100 if percent else number


def percent_words(share: float) -> str:
    """Return a share as a percentage with at most two decimals."""
    return f"{round(share * 100, 2):g} %"
