"""A client that conducts a job of cheap tasks: ``-m tests.jobs.chaos_client ADDRESS FOLDER SHOOT...``"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from jobs.clusters.cluster import Cluster, connect
from jobs.clusters.profile import read_profile
from jobs.conducting.assignment import Functions
from jobs.conducting.conductor import conduct
from jobs.conducting.desk import Job, Limits
from jobs.records.ledger import Ledger
from jobs.sequences import name_sequences
from jobs.tasks import JobContext
from jobs.watching.watch import Unwatched
from tests.jobs import fake_duties


class _Aloud(Unwatched):
    def said(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main(address: str, folder: Path, shoots: list[str]) -> int:
    profile = read_profile(address)
    job = Job(
        name_sequences(shoots, folder),
        JobContext("chaos", str(folder), str(folder.parent)),
        Functions(fake_duties.survey, fake_duties.execute, lambda task: 2**30),
        run=secrets.token_hex(4),
        limits=Limits(deaths=1000, patience=30.0),
    )
    with Ledger(folder) as ledger:
        client = connect(profile, 20.0)
        cluster = Cluster(client, profile, gpus=False, memory_gib=4.0)
        try:
            return conduct(job, cluster, ledger, _Aloud()).exit_status
        finally:
            cluster.client.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
