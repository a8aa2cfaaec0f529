"""A queue as it is often written by hand: a Redis list, and workers that pop from it and run the program.

python -m rig.list_worker submit SOCKET COUNT PROGRAM...    python -m rig.list_worker work SOCKET WORKERS PROGRAM...
"""

import json
import subprocess
import sys
from multiprocessing import Process

import redis

QUEUE, RESULTS = "tasks", "results"


def submit(socket: str, count: int) -> None:
    """One task after another, as a client of a queue does."""
    client = redis.Redis(unix_socket_path=socket)
    for number in range(count):
        client.rpush(QUEUE, json.dumps({"id": f"task-{number}"}))


def work(socket: str, program: list[str]) -> None:
    """What is popped by a worker that is killed is lost; nothing looks after these workers either."""
    client = redis.Redis(unix_socket_path=socket)
    while True:
        _, content = client.blpop([QUEUE])
        task = json.loads(content)
        ended = subprocess.run([*program, task["id"]], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        client.set(f"{RESULTS}:{task['id']}", ended.stdout, ex=300)


def main(verb: str, socket: str, number: int, program: list[str]) -> None:
    if verb == "submit":
        submit(socket, number)
        return
    workers = [Process(target=work, args=(socket, program), daemon=True) for _ in range(number)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
