"""Submits the jobs beside this file to Deadline, each with the numbers of those that it depends on.

It needs nothing but Python 3 and deadlinecommand, on the path or in the folder of DEADLINE_PATH. What is done
is not done again: after a failure, requeue the job or submit once more.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def main() -> None:
    """Submit all jobs of the folder, in their order."""
    folder = pathlib.Path(__file__).resolve().parent
    numbers: dict[str, str] = {}
    for job in json.loads((folder / "jobs.json").read_text(encoding="utf-8")):
        name = job["name"]
        numbers[name] = submit(folder, name, [numbers[needed] for needed in job["needs"]])
        sys.stdout.write(f"{numbers[name]}  {name}\n")


def submit(folder: pathlib.Path, name: str, needs: list[str]) -> str:
    """Submit one job and return its number."""
    settings = (folder / f"{name}.job").read_text(encoding="utf-8")
    if needs:
        settings += f"JobDependencies={','.join(needs)}\n"
    with tempfile.TemporaryDirectory() as temporary:
        job = pathlib.Path(temporary) / f"{name}.job"
        job.write_text(settings, encoding="utf-8")
        command = [deadline(), str(job), str(folder / f"{name}.plugin")]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    found = re.search(r"^JobID=(\S+)", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        sys.exit(f"Deadline did not take {name}:\n{done.stdout}{done.stderr}")
    return found.group(1)


def deadline() -> str:
    """The program that submits."""
    own = os.environ.get("DEADLINE_PATH", "")
    return shutil.which("deadlinecommand", path=own or None) or sys.exit("deadlinecommand was not found")


if __name__ == "__main__":
    main()
