"""A SLURM of one node on loopback, for a test: munged, slurmctld and slurmd, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "scancel")
LIMIT_S = 60.0

CONFIGURATION = """\
ClusterName=vultus
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=bf_interval=5,sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=farm Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why a SLURM cannot be brought up here; empty where it can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)} on this machine (Debian: slurmctld slurmd slurm-client munge)"
    return "" if os.geteuid() == 0 else "slurmd has to be started by root"


@contextmanager
def slurm_node(folder: Path) -> Iterator[Path]:
    """Bring SLURM up, and down at the end; yields its configuration, for ``SLURM_CONF``.

    Args:
        folder: with a short path: a socket in it has no more than 107 characters.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    file = folder / "slurm.conf"
    file.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().split(".")[0],
            ports=_free_ports(),
            folder=folder,
            cores=psutil.cpu_count(),
            memory=int(0.9 * psutil.virtual_memory().total / 2**20),
        )
    )
    munge = ["munged", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
    munge += [
        f"--pid-file={folder}/munged.pid",
        f"--log-file={folder}/munged.log",
        f"--seed-file={folder}/seed",
    ]
    try:
        for command in (munge, ["slurmctld", "-f", str(file)], ["slurmd", "-f", str(file)]):
            subprocess.run(command, check=True, timeout=LIMIT_S, capture_output=True)
        _wait_until_idle(file)
        yield file
    finally:
        for name in ("slurmd", "slurmctld", "munged"):
            _end(folder / f"{name}.pid")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _wait_until_idle(file: Path) -> None:
    end = time.monotonic() + LIMIT_S
    command = ["sinfo", "--noheader", "--format=%T"]
    while True:
        state = subprocess.run(
            command, env=os.environ | {"SLURM_CONF": str(file)}, capture_output=True, text=True, check=False
        ).stdout
        if state.strip() == "idle":
            return
        assert time.monotonic() < end, f"The node does not come up: {state}"
        time.sleep(0.2)


def _end(pid_file: Path) -> None:
    """End a daemon by the number that it wrote."""
    if not pid_file.exists():
        return
    process = psutil.Process(int(pid_file.read_text()))
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(LIMIT_S / 4)
    except psutil.TimeoutExpired:
        process.kill()
