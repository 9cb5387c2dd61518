"""What runs on a host that was logged in to: workers, until the one who logged in has gone."""

from __future__ import annotations

import os
import signal
import sys
import threading

from jobs.clusters.profile import ClusterProfile
from jobs.clusters.serving import serve


def main() -> None:
    """Read a profile from the first line of standard input, and serve until it ends.

    Raises:
        VultusError: as :func:`jobs.clusters.serving.serve`.
    """
    profile = ClusterProfile.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_leave_at_the_end, daemon=True).start()
    serve(profile, say=_say)


def _leave_at_the_end() -> None:
    """A connection that breaks takes nothing with it by itself."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
