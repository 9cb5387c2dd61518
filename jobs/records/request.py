"""What the user asked a job for, kept so that going on with it needs no retyping."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.tasks import JobContext


@dataclass(frozen=True)
class JobRequest:
    """What a job was asked for.

    Attributes:
        job: its name.
        shoots: their absolute paths, in the order in which they were given.
        context: what its workers know of it.
        cluster: where it runs, as the command line has it: ``local``, ``slurm``, an address, a profile.
        created: when, ISO 8601 in UTC. To be shown.
        profile: the file whose settings hold for the cluster; empty for those that come with vultus.
        workers: how many processes in all; None where the profile says.
        only: names of the sequences that were to be done last; all of them if empty.
    """

    job: str
    shoots: tuple[str, ...]
    context: JobContext
    cluster: str = "local"
    created: str = ""
    profile: str = ""
    workers: int | None = None
    only: tuple[str, ...] = ()
