"""The command ``gazelle``."""

import signal
import sys

from . import _native


def main() -> None:
    """Runs the command with this process's arguments, and ends the process."""
    # The command answers to Ctrl-C itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native.main([sys.executable, "-m", "gazelle"], sys.argv[1:]))


if __name__ == "__main__":
    main()
