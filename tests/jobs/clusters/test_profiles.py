"""Cluster profiles: what a studio writes about its machines, and what it is told of mistakes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from calibration.errors import InputError, UsageError
from jobs.clusters.profile import KINDS, ClusterProfile, packaged_profile, read_profile
from jobs.clusters.settings import QUEUES
from pipeline.cli import main

COMMENTED_KEY = re.compile(r"^# (?=\[|\w+ = )", re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_packaged_profile_is_valid_as_it_is_and_with_every_comment_taken_out(kind: str) -> None:
    """What is written behind a # can be used by taking the # away."""
    text = packaged_profile(kind)
    assert ClusterProfile.model_validate(tomllib.loads(text)).kind == kind
    everything = tomllib.loads(COMMENTED_KEY.sub("", text))
    if kind in QUEUES:
        del everything["workers"]["count"]
    assert ClusterProfile.model_validate(everything).tls is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_packaged_profile_says_what_holds_without_it(kind: str) -> None:
    """A key that stands there uncommented has its usual value, but for names of hosts and sizes of jobs."""
    profile = ClusterProfile.model_validate(tomllib.loads(packaged_profile(kind)))
    usual = ClusterProfile(kind=profile.kind)
    assert profile.failures == usual.failures
    assert profile.scheduler.model_copy(update={"address": ""}) == usual.scheduler
    assert profile.workers.death_timeout == usual.workers.death_timeout
    assert profile.queue.walltime == usual.queue.walltime


@pytest.mark.parametrize(
    ("cluster", "kind"),
    [("local", "local"), ("slurm", "slurm"), ("tcp://h:1", "address")],
)
def test_a_word_is_enough(cluster: str, kind: str) -> None:
    """Kinds and addresses need no file."""
    profile = read_profile(cluster)
    assert profile.kind == kind
    assert profile.scheduler.address == (cluster if "//" in cluster else "")


def test_hosts_are_named_on_the_command_line(tmp_path: Path) -> None:
    """They come in place of those of the file, whose other settings hold."""
    file = tmp_path / "farm.toml"
    file.write_text('kind = "ssh"\n[ssh]\nhosts = ["old"]\nuser = "render"\n[workers]\nthreads = 3\n')
    profile = read_profile("ssh:wk1, wk2", file)
    assert profile.ssh.hosts == ("wk1", "wk2")
    assert (profile.ssh.user, profile.workers.threads) == ("render", 3)
    assert read_profile(str(file)).ssh.hosts == ("old",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "slurm"\n[queue]\nwaltime = "1:00:00"', "no key queue.waltime (did you mean walltime?)"),
        (
            'kind = "slurm"\n[queue]\nwalltime = "30:00"',
            "queue.walltime: a walltime is hours, minutes and seconds",
        ),
        ('kind = "slurm"\n[queue]\nwalltime = "00:01:00"', "leaves no time to work"),
        ('kind = "local"\n[queue]\njobs = 2', "the table [queue] is for kind = slurm, pbs, lsf, sge"),
        ('kind = "slurm"\n[workers]\ngpus = 1\ncount = 3', "leave workers.count out"),
        ('kind = "slurm"\n[queue]\njobs = 2\nminimum_jobs = 3', "minimum_jobs = 3 is more than jobs = 2"),
        (
            'kind = "local"\n[workers]\nprologue = ["module load cuda"]',
            "workers.prologue and workers.command",
        ),
        ('kind = "ssh"', "The key ssh.hosts is missing"),
        ('kind = "address"', "The key scheduler.address is missing"),
        ("kind = local", "not TOML"),
        ('kind = "condor"', "kind: Input should be"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_file(tmp_path: Path, text: str, message: str) -> None:
    """One line that says where to look."""
    file = tmp_path / "farm.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        read_profile(str(file))
    assert message in str(error.value)
    assert str(file) in str(error.value)


def test_a_word_that_is_no_cluster_is_told_what_there_is() -> None:
    """With all the ways to name one."""
    with pytest.raises(UsageError, match=r"no cluster 'condor'.*ssh:HOST,HOST or a file"):
        read_profile("condor")


def test_a_profile_that_is_not_there_is_a_missing_input(tmp_path: Path) -> None:
    """Exit status 3, as for every file."""
    with pytest.raises(InputError, match="cannot be read"):
        read_profile(str(tmp_path / "none.toml"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Rather than settings of SLURM being used for this machine."""
    file = tmp_path / "farm.toml"
    file.write_text('kind = "slurm"')
    with pytest.raises(UsageError, match='kind "slurm", and --cluster asks for local'):
        read_profile("local", file)


def test_certificates_are_found_beside_the_profile(tmp_path: Path) -> None:
    """And one that is missing is named before anything starts."""
    file = tmp_path / "farm.toml"
    file.write_text('kind = "local"\n[tls]\nca = "ca.pem"\ncert = "c.pem"\nkey = "k.pem"\n')
    (tmp_path / "ca.pem").touch()
    (tmp_path / "c.pem").touch()
    with pytest.raises(InputError, match=r"k\.pem: A file of the table \[tls\] is not there"):
        read_profile(str(file))
    (tmp_path / "k.pem").touch()
    tls = read_profile(str(file)).tls
    assert tls is not None
    assert tls.key == str(tmp_path / "k.pem")


def test_workers_are_counted_in_all(tmp_path: Path) -> None:
    """For a queue in jobs, for hosts on each; a scheduler that runs has the workers that it has."""
    assert read_profile("local", workers=3).workers.count == 3
    assert read_profile("slurm", workers=3).queue.jobs == 3
    assert read_profile("ssh:a,b", workers=3).workers.count == 2
    file = tmp_path / "farm.toml"
    file.write_text('kind = "slurm"\n[workers]\ngpus = 2\n')
    assert read_profile(str(file), workers=5).queue.jobs == 2
    with pytest.raises(UsageError, match="vultus jobs worker ADDRESS adds workers"):
        read_profile("tcp://h:1", workers=3)


def test_workers_leave_before_the_walltime_however_their_ends_are_spread() -> None:
    """Dask draws the lifetime from lifetime - stagger to lifetime + stagger."""
    for walltime in ("00:04:00", "01:00:00", "2-00:00:00"):
        queue = ClusterProfile.model_validate({"kind": "slurm", "queue": {"walltime": walltime}}).queue
        assert queue.lifetime + queue.lifetime_stagger <= queue.walltime - 60
        assert queue.lifetime - queue.lifetime_stagger > 0


def test_the_command_lists_and_prints_profiles() -> None:
    """To be redirected to a file and changed."""
    listed = CliRunner().invoke(main, ["jobs", "profile", "list"])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["cluster", *KINDS]
    shown = CliRunner().invoke(main, ["jobs", "profile", "show", "slurm"])
    assert shown.stdout == packaged_profile("slurm")
    unknown = CliRunner().invoke(main, ["jobs", "profile", "show", "condor"])
    assert unknown.exit_code == 2
