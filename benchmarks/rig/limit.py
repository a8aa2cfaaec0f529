"""The limit: as little as a supervisor in Python can do. A pidfd and a posix_spawn for each command, nothing else.

Usage: limit.py FILE (a JSON list of commands). It runs as a program of its own, like its rivals.
"""

import json
import os
import select
import sys


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        commands = json.load(file)
    poller = select.epoll()
    running: dict[int, tuple[int, list[str]]] = {}

    def start(command: list[str]) -> None:
        pid = os.posix_spawn(command[0], command, os.environ)
        pidfd = os.pidfd_open(pid)
        poller.register(pidfd, select.EPOLLIN)
        running[pidfd] = (pid, command)

    for command in commands:
        start(command)
    while True:
        for pidfd, _ in poller.poll():
            # By hand: the copy in a child that is just at its exec would keep a closed pidfd in the epoll set.
            poller.unregister(pidfd)
            pid, command = running.pop(pidfd)
            os.waitpid(pid, 0)
            start(command)
            os.close(pidfd)


if __name__ == "__main__":
    main(sys.argv[1])
