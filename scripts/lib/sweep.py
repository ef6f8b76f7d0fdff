#!/usr/bin/env python3
"""sweep.py ENDPOINT...: removes what tests left on engines (`unix://...`, `tcp://...`) because they were killed.

A test names its objects `devarch-cli<pid>-...` or `dvt-<pid>-...` and removes them however it ends, unless its process
is killed. What carries the number of a process that no longer is can be nobody's. On Podman the port forwarding of a
container that ended together with its monitor stays in the firewall, and takes the port from whoever gets it next.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from urllib.parse import quote

NAME = re.compile(r"\b(?:devarch-cli|dvt-)(\d+)-")
FORWARDING = re.compile(r"^-A (NETAVARK-HOSTPORT-DNAT .*--comment \"dnat name: (\S+) id: ([0-9a-f]{64})\".*)$")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call(endpoint, method, path):
    """The answer as JSON; null where there is none."""
    kind, _, place = endpoint.partition("://")
    connection = UnixConnection(place) if kind == "unix" else http.client.HTTPConnection(place, timeout=120)
    try:
        connection.request(method, path)
        return json.loads(connection.getresponse().read() or b"null")
    finally:
        connection.close()


def is_left(name):
    """Whether it is of a test whose process is gone."""
    found = NAME.search(name or "")
    return found is not None and not os.path.exists(f"/proc/{found[1]}")


def sweep(endpoint):
    removed = 0
    for container in call(endpoint, "GET", "/containers/json?all=1") or []:
        if any(is_left(name.lstrip("/")) for name in container.get("Names") or []):
            call(endpoint, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
            removed += 1
    for network in call(endpoint, "GET", "/networks") or []:
        if is_left(network.get("Name")):
            call(endpoint, "DELETE", f"/networks/{quote(network['Name'])}")
            removed += 1
    for volume in (call(endpoint, "GET", "/volumes") or {}).get("Volumes") or []:
        if is_left(volume["Name"]):
            call(endpoint, "DELETE", f"/volumes/{quote(volume['Name'])}?force=1")
            removed += 1
    return removed


def sweep_forwardings():
    """Those of tests' networks whose process is gone; no rule of anybody else's is touched."""
    if os.geteuid() != 0 or shutil.which("iptables") is None:
        return 0
    listed = subprocess.run(["iptables", "-w", "-t", "nat", "-S"], capture_output=True, text=True, check=False)
    removed = 0
    for line in listed.stdout.splitlines():
        found = FORWARDING.match(line)
        if found and is_left(found[2]):
            rule = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', found[1])]
            removed += subprocess.run(["iptables", "-w", "-t", "nat", "-D", *rule], check=False).returncode == 0
    return removed


total = 0
for endpoint in sys.argv[1:]:
    try:
        total += sweep(endpoint)
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"sweep.py: {endpoint}: {error}", file=sys.stderr)
total += sweep_forwardings()
if total:
    print(f"removed {total} objects that killed tests had left")
