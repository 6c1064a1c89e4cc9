"""Exceptions, by whose fault they are and what may be done about them."""

import builtins
import re


class Error(Exception):
    """Something did not work; the message says what to do. All exceptions of this package are of it."""


class InputError(Error, ValueError):
    """An argument, a file, a model or an image is not what it must be: give another."""


class RefusedError(Error):
    """The server refuses and says why: come back when it says, or ask its operator."""


class ConnectionError(Error, builtins.ConnectionError):
    """The server cannot be reached, or the connection failed: try again."""


class PeerError(Error):
    """The server is not the one that was expected, or broke the protocol."""


class LimitError(Error):
    """It would cost more than the client may spend."""


_BY_NAME = {error.__name__: error for error in (InputError, RefusedError, ConnectionError, PeerError, LimitError)}
_BY_EXIT_CODE = {2: InputError, 3: RefusedError, 4: ConnectionError}


def fault(name: str, message: str) -> Error:
    """The exception of that name; keywords are called as they are in Python."""
    keyword = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda flag: flag[1].replace("-", "_"), message)
    return _BY_NAME.get(name, Error)(keyword)


def failed(code: int, message: str) -> Error:
    """The exception for a command's exit code and last line."""
    return fault(_BY_EXIT_CODE.get(code, Error).__name__, message.removeprefix("gazelle: "))
