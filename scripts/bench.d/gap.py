#!/usr/bin/env python3
"""gap.py RESULTS LOG KEY PORT COMMAND...: the longest time in which a web server on the loopback did not answer.

It is asked for its page without pause while a command runs, and after it until it answers. The time from the last answer
before the gap to the first one after it is appended to RESULTS as `KEY milliseconds 0`. Output of the command: LOG.
"""

import http.client
import signal
import subprocess
import sys
import threading
import time


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.1)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def watch(port: int, ended: threading.Event) -> float:
    last, longest = time.monotonic(), 0.0
    while True:
        over, now = ended.is_set(), answers(port)
        if now:
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            if over:
                return longest
        time.sleep(0.002)


def main() -> int:
    results, log, key, port, *command = sys.argv[1:]
    ended, gaps = threading.Event(), []
    watcher = threading.Thread(target=lambda: gaps.append(watch(int(port), ended)), daemon=True)
    watcher.start()
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        code = child.wait()
    ended.set()
    if code == 0:
        watcher.join()
        with open(results, "a", encoding="utf-8") as file:
            file.write(f"{key}\t{gaps[0] * 1000:.2f}\t0\n")
    return code


sys.exit(main())
