#!/usr/bin/env python3
"""make-fixture.py BINARY PROJECT ENGINE ENDPOINT DATABASE SERVER PG_BIN TARGET: one home of a release, as a fixture.

Called by scripts/fixture; crates/cli/tests/upgrade/README.md says what comes of it. BINARY works in a copy of PROJECT, with
DATABASE (sqlite or postgres) as its store, and through a proxy that writes down every call to ENGINE that makes something.
What it leaves is written to TARGET, and removed from the engine.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs, quote, urlsplit

STACKS = ["upg-infra", "upg-shop", "upg-edit", "upg-half", "upg-gone"]
OURS = re.compile(r"^devarch-upg-")
MARKER = "devarch-engine"
TOKEN = "a token that was set by hand"
# Nobody else's: tests take theirs from other ranges.
PLACES = {"docker": ("28000-28099", "10.211.0.0/18"), "podman": ("28100-28199", "10.211.64.0/18")}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, endpoint):
        self.path = endpoint.removeprefix("unix://")

    def call(self, method, path):
        connection = UnixConnection(self.path)
        connection.request(method, path)
        answer = connection.getresponse().read()
        try:
            return json.loads(answer or b"null")
        except ValueError:
            return None

    def containers(self):
        """All of ours, by their names."""
        listed = self.call("GET", "/containers/json?all=true")
        named = {container["Names"][0].lstrip("/"): container["Id"] for container in listed}
        return {name: id for name, id in sorted(named.items()) if OURS.match(name)}

    def networks(self):
        listed = self.call("GET", "/networks")
        return {it["Name"]: it["Id"] for it in sorted(listed, key=lambda it: it["Name"]) if OURS.match(it["Name"])}

    def volumes(self):
        listed = self.call("GET", "/volumes")["Volumes"] or []
        return sorted(volume["Name"] for volume in listed if OURS.match(volume["Name"]))

    def images(self):
        """Ids by the names users write."""
        listed = self.call("GET", "/images/json")
        names = [(tag, image["Id"]) for image in listed for tag in image.get("RepoTags") or []]
        return {short(tag): id for tag, id in names}

    def id(self):
        return self.call("GET", f"/volumes/{MARKER}")["Labels"]["devarch.engine_id"]

    def sweep(self):
        for id in self.containers().values():
            self.call("DELETE", f"/containers/{id}?force=true")
        for name in self.networks():
            self.call("DELETE", f"/networks/{name}")
        for name in self.volumes():
            self.call("DELETE", f"/volumes/{name}")
        for tag in self.images():
            if OURS.match(tag):
                self.call("DELETE", f"/images/{tag}")


def short(tag):
    for prefix in ("localhost/", "docker.io/library/", "docker.io/"):
        tag = tag.removeprefix(prefix)
    return tag


class Recorder:
    """A proxy that keeps what was sent; each connection is one call."""

    def __init__(self, listen, engine):
        self.calls, self.engine = [], engine
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(listen)
        self.server.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.server.accept()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self.engine)
            sent = bytearray()
            self.calls.append(sent)
            threading.Thread(target=pipe, args=(client, engine, sent), daemon=True).start()
            threading.Thread(target=pipe, args=(engine, client, None), daemon=True).start()

    def requests(self):
        """What was sent, as method, path and body."""
        return [request for sent in list(self.calls) for request in parsed(bytes(sent))]


def pipe(source, target, kept):
    try:
        while chunk := source.recv(1 << 16):
            if kept is not None:
                kept.extend(chunk)
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One of the two is gone; the other is to see that.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def parsed(sent):
    while b"\r\n\r\n" in sent:
        head, sent = sent.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        method, path, _ = first.split(" ")
        body = b""
        if "content-length" in headers:
            length = int(headers["content-length"])
            body, sent = sent[:length], sent[length:]
        elif headers.get("transfer-encoding") == "chunked":
            body, sent = unchunked(sent)
        yield method, re.sub(r"^/v1\.\d+", "", path), body
        if "upgrade" in headers:
            return


def unchunked(sent):
    body = b""
    while True:
        size, sent = sent.split(b"\r\n", 1)
        size = int(size.split(b";")[0], 16)
        body, sent = body + sent[:size], sent[size + 2 :]
        if size == 0:
            return body, sent


class Release:
    """The program, in a home and a project of its own."""

    def __init__(self, binary, root, project, url, endpoint, engine):
        self.binary, self.project, self.home = binary, project, os.path.join(root, "home")
        ports, pool = PLACES[engine]
        self.environment = {
            "HOME": root,
            "USER": "upgrade",
            "PATH": "/usr/bin:/bin",
            "DEVARCH_HOME": self.home,
            "DEVARCH_ENGINE": endpoint,
            "DEVARCH_PORTS": ports,
            "DEVARCH_ADDRESS_POOL": pool,
            "DEVARCH_PLAN_MINUTES": "10080",
        }
        if url:
            self.environment["DEVARCH_DATABASE_URL"] = url

    def run(self, *args, codes=(0,)):
        done = subprocess.run([self.binary, *args], env=self.environment, cwd=self.project, capture_output=True, text=True)
        if done.returncode not in codes:
            sys.exit(f"devarch {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def json(self, *args, **more):
        return json.loads(self.run(*args, "--json", **more))

    def kill_when(self, args, said):
        """Runs it until it says that, then ends it as `kill -9` does."""
        child = subprocess.Popen(
            [self.binary, *args], env=self.environment, cwd=self.project, stderr=subprocess.PIPE, text=True
        )
        for line in child.stderr:
            if said in line:
                child.send_signal(signal.SIGKILL)
                child.wait()
                return
        sys.exit(f"devarch {' '.join(args)} never said {said!r}")


def live(release):
    """Everything that a store can hold, made the way users make it; what is kept beside the volume of what was deleted."""
    token = os.path.join(os.path.dirname(release.home), "token")
    with open(token, "w", encoding="utf-8") as file:
        file.write(TOKEN)
    release.run("secret", "set", "upg-shop", "API_TOKEN", "--from-file", token)
    for stack in STACKS:
        release.run("up", stack, "--yes")
    release.run("set", "upg-edit/web", "environment.EDITED=yes")
    release.run("instance", "remove", "upg-edit/left", "--yes")
    kept = {"upg-gone/db": {"ADMIN_PASSWORD": variable(release, "upg-gone/db", "ADMIN_PASSWORD")}}
    release.run("down", "upg-gone", "--yes")
    release.run("stack", "delete", "upg-gone", "--yes")
    release.run("set", "upg-half/web", "environment.OPEN=no")
    release.kill_when(["apply", "upg-half", "--yes"], "web: wait until it is healthy")
    # An engine goes on with a call whose caller is gone.
    time.sleep(2)
    return kept


def looked_at(release):
    """What the release itself says of it."""
    saved = release.json("plan", "upg-edit")
    return {
        "plans": {stack: release.json("plan", stack, "--no-save") for stack in STACKS[:4]},
        "saved_plan": saved["id"],
        "history": {stack: release.json("history", stack) for stack in STACKS[:4]},
        "secrets": {
            "upg-infra/db": {"ADMIN_PASSWORD": variable(release, "upg-infra/db", "ADMIN_PASSWORD")},
            "upg-shop/db": {"ADMIN_PASSWORD": variable(release, "upg-shop/db", "ADMIN_PASSWORD")},
            "upg-shop/web": {name: variable(release, "upg-shop/web", name) for name in ["API_TOKEN", "SESSION_KEY"]},
        },
        "logins": release.json("wire", "env", "upg-shop/api", "--reveal"),
    }


def variable(release, instance, name):
    """What a program that is run with an instance's environment gets."""
    return release.run("run", instance, "--", "/usr/bin/printenv", name).rstrip("\n")


def objects(engine, requests, directory):
    """What it made and left, as the calls that made it."""
    files = os.path.join(directory, "files")
    os.makedirs(files)

    def kept(name, body):
        with open(os.path.join(files, name), "wb") as file:
            file.write(body)
        return f"files/{name}"

    ids = {id: name for name, id in engine.containers().items()}
    made = {"images": [], "volumes": [], "networks": [], "containers": []}
    for method, path, body in requests:
        if method == "POST" and path.startswith("/build?"):
            tag = parse_qs(urlsplit(path).query)["t"][0]
            made["images"].append({"name": tag, "path": path, "context": kept(f"{tag.split(':')[0]}.tar", body)})
    volumes = engine.volumes()
    for body in bodies(requests, "/volumes/create"):
        if body["Name"] in volumes:
            made["volumes"].append(body)
    for name in engine.networks():
        body = [body for body in bodies(requests, "/networks/create") if body["Name"] == name][-1]
        made["networks"].append(body)
    for name, id in engine.containers().items():
        made["containers"].append(container(engine, requests, (id, ids[id]), kept))
    return made


def bodies(requests, wanted):
    return [json.loads(body) for method, path, body in requests if method == "POST" and path.split("?")[0] == wanted]


def container(engine, requests, named, kept):
    id, name = named
    shown = engine.call("GET", f"/containers/{id}/json")
    labels = {key: value for key, value in shown["Config"]["Labels"].items() if key.startswith("devarch.")}
    fits = [
        body
        for body in bodies(requests, "/containers/create")
        if all(labels.get(key) == value for key, value in body["Labels"].items() if key.startswith("devarch."))
        and "devarch.stack_id" in body["Labels"]
    ]
    archives = [body for method, path, body in requests if method == "PUT" and path.startswith(f"/containers/{id}/archive")]
    on = shown["NetworkSettings"]["Networks"]
    connects = {}
    for method, path, body in requests:
        if method == "POST" and (found := re.match(r"^/networks/([^/]+)/connect$", path)):
            body = json.loads(body)
            if body["Container"] == id and found[1] in on:
                connects[found[1]] = body["EndpointConfig"]
    own = next(iter(fits[-1]["NetworkingConfig"]["EndpointsConfig"]))
    return {
        "name": name,
        "create": fits[-1],
        "files": [kept(f"{name}-{at}.tar", archive) for at, archive in enumerate(archives)],
        "connected": {network: config for network, config in connects.items() if network != own},
        "off_its_network": own not in on,
        "running": shown["State"]["Running"],
    }


def ids(engine, project, release):
    """What another machine has others of, and what stands for it."""
    host = open("/etc/machine-id", encoding="utf-8").read().strip() if os.path.exists("/etc/machine-id") else ""
    found = [
        (project, "project"),
        (release.environment["DEVARCH_ENGINE"], "endpoint"),
        (engine.id(), "engine"),
        (host or socket.gethostname(), "host"),
    ]
    found += [(id, f"container:{name}") for name, id in engine.containers().items()]
    found += [(id, f"network:{name}") for name, id in engine.networks().items()]
    for name, id in engine.images().items():
        if OURS.match(name) or name == "busybox:1.37":
            plain = id.removeprefix("sha256:")
            found += [("sha256:" + plain, f"image:{name}"), (plain, f"bare-image:{name}")]
    return [(what, f"@@{name}@@") for what, name in found]


def placed(text, ids):
    for what, name in ids:
        text = text.replace(what, name)
    return text


def expiry(text, moments):
    for moment in moments:
        text = text.replace(str(moment), "@@expires@@")
    return text


def moved(text, sealed):
    for volume, value in sealed.items():
        for written in (value.upper(), value.lower()):
            text = text.replace(written, f"@@sealed:{volume}@@")
    return text


def sqlite_dump(path):
    """It, and by their volumes the values that are sealed for a place with the engine's id in it."""
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    moments = [row[0] for row in connection.execute("SELECT expires_at FROM plans")]
    sealed = dict(connection.execute("SELECT physical_name, hex(sealed) FROM kept_volumes WHERE sealed IS NOT NULL"))
    lines = [f"PRAGMA user_version = {version};", *connection.iterdump()]
    connection.close()
    return moved(expiry("\n".join(lines) + "\n", moments), sealed), sealed


def postgres_dump(url, programs):
    dump = subprocess.run(
        [os.path.join(programs, "pg_dump"), "--inserts", "--no-owner", "--no-privileges", url],
        check=True, capture_output=True, text=True,
    ).stdout

    def asked(query):
        ask = [os.path.join(programs, "psql"), "-XAtq", "-F", " ", url, "-c", query]
        return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.splitlines()

    moments = asked("SELECT expires_at FROM plans")
    kept = asked("SELECT physical_name, encode(sealed, 'hex') FROM kept_volumes WHERE sealed IS NOT NULL")
    sealed = dict(row.split(" ") for row in kept)
    # What begins with a backslash is for psql, not for the server.
    lines = [line for line in dump.splitlines() if not line.startswith(("\\", "--")) and line]
    return moved(expiry("\n".join(lines) + "\n", moments), sealed), sealed


def main():
    binary, source, kind, endpoint, database, server, programs, target = sys.argv[1:]
    engine = Engine(endpoint)
    engine.sweep()
    root = tempfile.mkdtemp(prefix="devarch-fixture")
    own = f"devarch_fixture_{os.getpid()}"
    administer = [os.path.join(programs, "psql"), "-XAtq", server, "-c"]
    try:
        project = os.path.join(root, "project")
        shutil.copytree(source, project)
        for directory, _, files in os.walk(project):
            for file in files:
                os.chmod(os.path.join(directory, file), 0o644)
        recorded = os.path.join(root, "engine.sock")
        recorder = Recorder(recorded, engine.path)
        url = None
        if database == "postgres":
            subprocess.run([*administer, f"CREATE DATABASE {own}"], check=True)
            url = f"{server.rsplit('/', 1)[0]}/{own}"
        release = Release(binary, root, project, url, f"unix://{recorded}", kind)
        kept = live(release)
        seen = {**looked_at(release), "kept": kept}
        replaced = ids(engine, project, release)
        store, sealed = postgres_dump(url, programs) if url else sqlite_dump(os.path.join(release.home, "devarch.db"))
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        made = objects(engine, recorder.requests(), target)
        write(target, "store.sql", placed(store, replaced))
        write(target, "objects.json", placed(json.dumps(made, indent=1, ensure_ascii=False) + "\n", replaced))
        sealed = {"engine": engine.id(), "values": sealed}
        write(target, "sealed.json", json.dumps(sealed, indent=1) + "\n")
        write(target, "seen.json", placed(json.dumps(seen, indent=1, ensure_ascii=False) + "\n", replaced))
        shutil.copyfile(os.path.join(release.home, "secret.key"), os.path.join(target, "secret.key"))
    finally:
        if database == "postgres":
            subprocess.run([*administer, f"DROP DATABASE IF EXISTS {own} WITH (FORCE)"], check=False)
        engine.sweep()
        shutil.rmtree(root, ignore_errors=True)


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


main()
