"""Worker processes: each has one library and does what it is told while all others wait."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from libraries import LIBRARIES, OURS, Library, environment

PROGRAM = Path(__file__).with_name("worker.py")
PATIENCE = 300


class WorkerError(Exception):
    """A library that cannot do what it was asked for."""


class Worker:
    """A process with a library in it.

    Parameters
    ----------
    library
        The library.
    threads
        How many threads it works with, on as many cores.
    log
        The file to which whatever the library has to say is added.
    """

    def __init__(self, library: Library, threads: int, log: Path) -> None:
        self.library, self.threads = library, threads
        self._connection, theirs = Pipe()
        with theirs:
            self._process = _start(library, threads, theirs, log)
        self.title = ""

    def loaded(self) -> None:
        """Wait until the library is loaded."""
        self.title = self._answer()

    def call(self, method: str, *arguments: Any) -> Any:
        """Let the process do something and return its answer."""
        try:
            self._connection.send((method, arguments))
        except OSError as error:
            raise WorkerError(f"{self} has gone: {error}") from error
        return self._answer()

    def attempt(self, at: str, method: str, *arguments: Any) -> Any:
        """Do the same, but if a rival fails say so, loudly, and return None."""
        try:
            return self.call(method, *arguments)
        except WorkerError as error:
            if self.library.name == OURS:
                raise
            print(f"\n*** {self} FAILED at {at}: {error}\n", file=sys.stderr)
            return None

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> Any:
        if not self._connection.poll(PATIENCE):
            self._process.kill()
            raise WorkerError(f"{self} gave no answer for {PATIENCE} seconds")
        try:
            outcome, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerError(f"{self} has gone, code {self._process.wait()}") from error
        if outcome == "failed":
            raise WorkerError(answer)
        return answer

    def __str__(self) -> str:
        """Return which one it is."""
        return f"{self.title or self.library.title} with {self.threads} threads"


def _start(
    library: Library, threads: int, connection: Connection, log: Path
) -> subprocess.Popen[bytes]:
    descriptor = connection.fileno()
    command = [sys.executable, str(PROGRAM), library.name, str(threads), str(descriptor)]
    variables = {**os.environ, **environment(threads)}
    with log.open("a") as file:
        return subprocess.Popen(
            command, env=variables, pass_fds=[descriptor], stdout=file, stderr=subprocess.STDOUT
        )


@dataclass
class Crew:
    """The workers of a section, librnn's among them, and what became of the others.

    Attributes
    ----------
    log : Path
        The file that takes what the libraries print.
    workers : list of Worker
        Those whose library could be loaded.
    absent : dict of str to str
        Why a library is missing, by its title.
    """

    log: Path
    workers: list[Worker] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    @classmethod
    def hire(cls, libraries: list[str], threads: list[int], log: Path) -> Crew:
        """Start a process for each library and number of threads."""
        crew = cls(log)
        for count in threads:
            for name in libraries:
                crew.add(LIBRARIES[name], count)
        return crew

    def add(self, library: Library, threads: int) -> None:
        """Start a process, or note why its library cannot be loaded."""
        if library.title in self.absent:
            return
        worker = Worker(library, threads, self.log)
        try:
            worker.loaded()
        except WorkerError as error:
            worker.close()
            if library.name == OURS:
                raise SystemExit(f"bench: librnn cannot be loaded: {error}") from None
            self.absent[library.title] = str(error)
            print(f"\n*** {library.title} is ABSENT from this run: {error}\n", file=sys.stderr)
        else:
            self.workers.append(worker)

    @property
    def ours(self) -> Worker:
        """Return the first worker of librnn."""
        return next(worker for worker in self.workers if worker.library.name == OURS)

    def __enter__(self) -> Crew:
        """Do nothing more."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.close()
