"""Searches in processes of their own, to be killed, and what they leave behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

LONGEST_WAIT_S = 90


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = LONGEST_WAIT_S) -> None:
    """Waits until something is the case.

    Raises:
        TimeoutError: It has not become so.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} has not happened in {seconds:g} s")
        time.sleep(0.02)


@dataclass
class Command:
    """`bnas` in a session of its own, so that everything it started can be found."""

    arguments: list[str]
    folder: Path
    prefix: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "bnas", *self.arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                **self.environment,
            },
        )
        return self

    def __exit__(self, *_: object) -> None:
        for number in self.left():
            kill(number)
        self.process.kill()
        self.process.communicate()

    def ended(self, seconds: float = LONGEST_WAIT_S) -> tuple[int, str, str]:
        """Exit status and output, once it has ended."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def kill(self) -> None:
        """Ends the process alone, as `kill -9 PID` does."""
        kill(self.process.pid)
        self.process.wait()

    def ctrl_c(self) -> None:
        """What a terminal does: everything in the foreground is told."""
        os.killpg(self.process.pid, signal.SIGINT)

    def left(self) -> set[int]:
        """Processes of its session that are still there, itself apart."""
        return session(self.process.pid) - {self.process.pid}


def session(leader: int) -> set[int]:
    """Processes that belong to a session and have not ended."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, *rest = status.rpartition(")")[2].split()
        if int(rest[2]) == leader and state != "Z":
            found.add(int(entry.name))
    return found


def kill(number: int) -> None:
    """Ends a process at once, if it has not ended meanwhile."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return


def listening(processes: set[int]) -> set[tuple[str, int]]:
    """Addresses and ports, of IPv4 and IPv6, that processes listen on."""
    inodes = {inode for number in processes for inode in _sockets(number)}
    found = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(name).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                found.add((_address(address), int(port, 16)))
    return found


def _sockets(number: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{number}/fd").glob("*"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _address(text: str) -> str:
    raw = b"".join(bytes.fromhex(text[i : i + 8])[::-1] for i in range(0, len(text), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, raw).removeprefix("::ffff:")
