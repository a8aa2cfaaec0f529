"""The same with huey, a well-known queue for Python: five processes, each task kept in Redis until it is begun.

python -m rig.huey_worker submit SOCKET COUNT PROGRAM...    python -m rig.huey_worker work SOCKET WORKERS PROGRAM...
"""

import subprocess
import sys

from huey import RedisHuey

queue = RedisHuey("tasks", url=f"unix://{sys.argv[2]}")


@queue.task()
def run(program: list[str], name: str) -> str:
    return subprocess.run(
        [*program, name], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stdout


def main(verb: str, number: int, program: list[str]) -> None:
    if verb == "submit":
        for task in range(number):
            run(program, f"task-{task}")
        return
    queue.create_consumer(workers=number, worker_type="process", initial_delay=0.01, max_delay=0.1).run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[3]), sys.argv[4:])
