"""Arguments as the command line has them."""

import os
from collections.abc import Mapping, Sequence

from ._errors import InputError

Flag = bool | int | float | str | os.PathLike[str] | Sequence[str] | Sequence[float] | None


def flags(options: Mapping[str, Flag]) -> list[str]:
    """The flags of keywords: none for None and False, a flag without a value for True."""
    return [flag(name, value) for name, value in options.items() if value is not None and value is not False]


def flag(name: str, value: Flag) -> str:
    word = "--" + name.replace("_", "-")
    if value is True:
        return word
    if isinstance(value, (str, os.PathLike)):
        return f"{word}={os.fspath(value)}"
    if isinstance(value, Sequence):
        parts = [str(part) for part in value]
        if any("," in part for part in parts):
            raise InputError(f"{name}: a comma cannot be part of {next(p for p in parts if ',' in p)!r}")
        return f"{word}={','.join(parts)}"
    return f"{word}={value}"
