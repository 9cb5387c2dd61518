"""Workers over SSH: an SSH server of its own on loopback, in place of a host."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from calibration.errors import VultusError
from jobs.clusters.opening import open_cluster
from jobs.clusters.profile import ClusterProfile
from tests.jobs.clusters.probes import LIGHT, places


class _Server:
    """Runs what is typed, for whoever has the key.

    Args:
        folder: for the keys.
    """

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.key, host = (
            asyncssh.generate_private_key("ssh-ed25519"),
            asyncssh.generate_private_key("ssh-ed25519"),
        )
        self.key.write_private_key(str(folder / "key"))
        self.key.write_public_key(str(folder / "authorized"))
        self.folder, self.host_key = folder, host
        self.processes: list[asyncio.subprocess.Process] = []
        self.thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(30)
        public = host.export_public_key().decode()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}")

    async def _listen(self) -> int:
        self.acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self.host_key],
            authorized_client_keys=str(self.folder / "authorized"),
            process_factory=self._run,
            encoding=None,
        )
        port: int = self.acceptor.get_port()
        return port

    async def _run(self, process: Any) -> None:
        pipe = subprocess.PIPE
        child = await asyncio.create_subprocess_shell(
            process.command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT
        )
        self.processes.append(child)
        assert child.stdin is not None
        assert child.stdout is not None
        typing = asyncio.ensure_future(_hand_on(process.stdin, child.stdin))
        while said := await child.stdout.read(1000):
            process.stdout.write(said)
        process.exit(await child.wait())
        await typing

    def close(self) -> list[int]:
        """Wait for what was run, and stop; the exit statuses."""
        ended = asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        return ended

    async def _close(self) -> list[int]:
        ended = [await child.wait() for child in self.processes]
        self.acceptor.close()
        await self.acceptor.wait_closed()
        return ended


async def _hand_on(typed: Any, stdin: asyncio.StreamWriter) -> None:
    """What the client types, to the program; its end too, or that of the connection, or a signal."""
    try:
        while text := await typed.read(1000):
            stdin.write(text)
    except (asyncssh.SignalReceived, asyncssh.ConnectionLost):
        pass
    finally:
        stdin.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[_Server]:
    server = _Server(tmp_path)
    yield server
    if not server.loop.is_closed():
        server.close()


def profile(host: _Server, **workers: object) -> ClusterProfile:
    """Of one host, with the key and the port of the test's server."""
    ssh = {
        "hosts": ["127.0.0.1"],
        "port": host.port,
        "key": str(host.folder / "key"),
        "known_hosts": str(host.folder / "known_hosts"),
        "user": "render",
    }
    given = {"count": 2, "threads": 1, "memory_gib": 1.0, "environment": LIGHT} | workers
    return ClusterProfile.model_validate(
        {"kind": "ssh", "ssh": ssh, "workers": given, "scheduler": {"host": "127.0.0.1"}}
    )


@pytest.mark.slow
def test_a_host_is_logged_in_to_and_works_and_its_workers_leave_at_the_end(host: _Server) -> None:
    """The host shares out what it has, as with `vultus jobs worker`; nothing runs on when the job is done."""
    with open_cluster(profile(host)) as cluster:
        assert cluster.workers == "2 workers"
        assert cluster.memory_gib == 1.0
        assert {each.threads for each in places(cluster, 4)} == {"1"}
    assert host.close() == [1]


def test_a_host_without_vultus_is_named_with_what_it_said(host: _Server) -> None:
    """The interpreter of the profile is what is usually wrong."""
    wanted = profile(host, python="/nowhere/python")
    what = r"127\.0\.0\.1: The workers do not start: .*/nowhere/python"
    with pytest.raises(VultusError, match=what), open_cluster(wanted):
        pass


def test_a_host_that_does_not_answer_is_named(host: _Server) -> None:
    """With the command to try by hand."""
    wanted = profile(host)
    wanted = wanted.model_copy(update={"ssh": wanted.ssh.model_copy(update={"port": 9})})
    what = r"127\.0\.0\.1: The host cannot be reached.*Try: ssh 127"
    with pytest.raises(VultusError, match=what), open_cluster(wanted):
        pass
