#!/usr/bin/env python3
"""timed.py RESULTS LOG KEY COMMAND...: runs a command and appends `KEY milliseconds KiB` to RESULTS.

The time is that of the whole process, the memory is its largest resident set (wait4). Its output goes to LOG.
The command has a process group of its own; a SIGTERM to this program ends it all.
"""

import os
import signal
import sys
import time


def main() -> int:
    results, log, key, *command = sys.argv[1:]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    streams = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    begun = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=streams, setpgroup=0)
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(child, signal.SIGTERM))
    _, status, usage = os.wait4(child, 0)
    took = (time.monotonic() - begun) * 1000
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        with open(results, "a", encoding="utf-8") as file:
            file.write(f"{key}\t{took:.2f}\t{usage.ru_maxrss}\n")
    return 128 - code if code < 0 else code


sys.exit(main())
