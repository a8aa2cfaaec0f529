"""Real programs whose memory grows, or does not, and the recording of them.

Each runs as a process of its own. A step of real time stands for a minute, so that what leaks in some minutes here is
a series of half a day.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

STEP_S = 0.5
PAGE = 4096

_LEAK = """
import time
kept = []
while True:
    kept.append(bytearray({per_step}))
    time.sleep({step_s})
"""
_LEAK_UNDER_GARBAGE = """
import gc, random, time
kept, garbage, step = [], [], 0
while True:
    kept.append(bytearray({per_step}))
    garbage.append(bytearray(random.randrange(400_000, 600_000)))
    step += 1
    if step % 23 == 0:
        garbage.clear()
    time.sleep({step_s})
"""
_SERVER = """
import http.server, threading, time, urllib.request
remembered = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"x" * 20_000
        {remember}
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    for _ in range(8):
        urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).read()
    time.sleep({step_s})
"""
_IDLE = """
import time
while True:
    time.sleep({step_s})
"""
_SAWTOOTH = """
import random, time
garbage = []
step = 0
while True:
    garbage.append(bytearray(random.randrange(500_000, 900_000)))
    step += 1
    if step % 61 == 0:
        garbage.clear()
    time.sleep({step_s})
"""
_CACHE = """
import random, time
from functools import lru_cache
@lru_cache(maxsize=600)
def load(key):
    return bytearray(100_000)
while True:
    for _ in range(8):
        load(int(random.expovariate(1 / 300)))
    time.sleep({step_s})
"""
_DATABASE = """
import random, sqlite3, time
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
n = 0
while True:
    for _ in range(20):
        n += 1
        db.execute("INSERT INTO t VALUES (?, ?)", (n, b"x" * random.randrange(1000, 20_000)))
    db.execute("DELETE FROM t WHERE id < ?", (n - 1000,))
    time.sleep({step_s})
"""
_STEP = """
import time
kept, step = [], 0
while True:
    step += 1
    if step in (200, 430):
        kept.append(bytearray(60_000_000))
    time.sleep({step_s})
"""
_TIDE = """
import math, time
step, kept = 0, []
while True:
    step += 1
    wanted = int(60 * (1 - math.cos(2 * math.pi * step / 600)))
    while len(kept) < wanted: kept.append(bytearray(1_000_000))
    del kept[wanted:]
    time.sleep({step_s})
"""
_WORKERS = """
import random, subprocess, sys, time
while True:
    children = [subprocess.Popen([sys.executable, "-c", "x = bytearray(%d); import time; time.sleep(%f)"
        % (random.randrange(10**6, 3 * 10**7), random.uniform(0.5, 4))]) for _ in range(random.randrange(1, 3))]
    for child in children: child.wait()
"""

PROGRAMS: dict[str, str] = {
    "leak 50 MB/h": _LEAK.replace("{per_step}", "833_333"),
    "leak 20 MB/h": _LEAK.replace("{per_step}", "333_333"),
    "leak 10 MB/h": _LEAK.replace("{per_step}", "166_667"),
    "leak 20 MB/h under garbage": _LEAK_UNDER_GARBAGE.replace("{per_step}", "333_333"),
    "leak in a server, 9.6 MB/h": _SERVER.replace("{remember}", "remembered.append(bytearray(body))"),
    "idle": _IDLE,
    "sawtooth of a collector": _SAWTOOTH,
    "cache that fills": _CACHE,
    "server": _SERVER.replace("{remember}", "pass"),
    "database in memory": _DATABASE,
    "two steps": _STEP,
    "tide": _TIDE,
    "workers that come and go": _WORKERS,
}


def record(steps: int) -> dict[str, list[int]]:
    """Run all programs side by side, and sample the resident bytes of each with its children, once a step."""
    with ExitStack() as stack:
        running = {name: _start(source, stack) for name, source in PROGRAMS.items()}
        series: dict[str, list[int]] = {name: [] for name in running}
        due = time.monotonic() + 1.0
        for _ in range(steps):
            time.sleep(max(0.0, due - time.monotonic()))
            due += STEP_S
            for name, child in running.items():
                series[name].append(_resident(child.pid) // 1000)
        return series


def _start(source: str, stack: ExitStack) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen([sys.executable, "-c", source.replace("{step_s}", str(STEP_S))], stdin=subprocess.DEVNULL)
    stack.callback(child.wait)
    stack.callback(child.kill)
    return child


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * PAGE + sum(_resident(int(child)) for child in children)


def write(path: Path, series: dict[str, list[int]]) -> None:
    """In kB, one program a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(values, separators=(',', ':'))}" for name, values in series.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read(path: Path) -> dict[str, list[int]]:
    loaded: dict[str, list[int]] = json.loads(path.read_text())
    return loaded
