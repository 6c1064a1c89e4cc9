"""The server: a process of its own, which is ``gazelle serve``."""

import collections
import os
import subprocess
import sys
import threading
from types import TracebackType

from ._arguments import Flag, flags
from ._errors import failed

#: The first words of the server's output; its address follows.
LISTENING = "listening on "
#: Lines of the log that are kept.
KEPT = 1000


class Server:
    """Serves a model file to clients from a process of its own, until it is closed or this process ends.

    ``listen`` is an address and a port, where 0 takes a free one; :attr:`address` is what clients are told.
    Either ``tls``, a folder of credentials that ``gazelle keygen`` makes, or ``plaintext=True`` must be given.
    Every flag of ``gazelle serve`` is a keyword, with ``_`` for ``-``: ``reveal="values"``, ``link="wan"``,
    ``linear="hint"``, ``max_clients=4``, ``store="bundles"``, ``clients="clients.toml"``, ``threads=2``, ….
    Without a model, ``network="fashion-mnist"`` serves one that comes with this package, and ``config`` names
    a file with several.

    Raises :class:`InputError` for flags that do not exist or fit, :class:`Error` for a server that cannot
    start.
    """

    def __init__(
        self,
        model: "str | os.PathLike[str] | None" = None,
        *,
        listen: str = "127.0.0.1:0",
        **flag: Flag,
    ) -> None:
        arguments = flags({"model": model, "listen": listen, "until_stdin_ends": True, **flag})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gazelle", "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for the one who asks, not for the server.
            start_new_session=True,
        )
        self._lines: collections.deque[str] = collections.deque(maxlen=KEPT)
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if not first.startswith(LISTENING):
            said = [first, *self._process.stdout]
            raise failed(self._process.wait(), said[-1].strip() or "the server did not start")
        #: Where it listens, as ``host:port``.
        self.address = first.removeprefix(LISTENING).strip()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Keeps the log from standing in the process's way."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))

    @property
    def log(self) -> list[str]:
        """The latest lines of the server's log, which tells no image and no class."""
        return list(self._lines)

    def wait(self, timeout: float | None = None) -> int:
        """Waits until the server ends, or for so many seconds; its exit code."""
        return self._process.wait(timeout)

    def close(self) -> None:
        """Lets online phases end, and the server with them."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(model: "str | os.PathLike[str] | None" = None, *, listen: str = "127.0.0.1:7464", **flag: Flag) -> None:
    """Serves a model, as :class:`Server` does, until it is interrupted; prints the address."""
    with Server(model, listen=listen, **flag) as server:
        print(f"{LISTENING}{server.address}", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            pass
