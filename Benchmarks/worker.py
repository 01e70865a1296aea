"""A process with one library in it, which does what the benchmark asks for over a connection.

    python worker.py LIBRARY THREADS DESCRIPTOR

It answers each request, a name of a method of `Job` with its arguments, by ("done", result) or by
("failed", error). It waits for the next request without using the processor.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from machine import cores


def main() -> None:
    """Keep to the cores, then load the library and serve until the connection ends."""
    library, threads, descriptor = sys.argv[1:]
    os.sched_setaffinity(0, cores(int(threads)))
    with Connection(int(descriptor)) as connection:
        serve(connection, library, int(threads))


def serve(connection: Connection, library: str, threads: int) -> None:
    """Answer requests; the first answer says what was loaded, or why it was not."""
    objects: dict[str, Any] = {}

    def load() -> str:
        # Not before: numpy's and the library's threads are counted when they are loaded.
        from job import Job

        objects["job"] = Job(library, threads)
        return objects["job"].describe()

    connection.send(attempt(load))
    while "job" in objects:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        connection.send(attempt(getattr(objects["job"], method), *arguments))


def attempt(function: Any, *arguments: Any) -> tuple[str, Any]:
    """Call a function and return its result or its error, ready to be sent."""
    try:
        return "done", function(*arguments)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
