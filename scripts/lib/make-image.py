#!/usr/bin/env python3
"""Layers and image archives for the stand-in images, without an engine.

  make-image.py layer TREE OUT.tar [PARENT_TREE]
      Writes what TREE adds to PARENT_TREE (everything, without one) as an image layer.
  make-image.py config OUT.json IMAGE.json NAME ARCHITECTURE RECIPE LAYER.tar...
      Writes the image's configuration; layers in order, the lowest first.
  make-image.py archive CONFIG.json LAYER.tar... [-- CONFIG.json LAYER.tar...]...
      Writes to standard output one archive, as POST /images/load takes it, of all these images.
      A layer that several images share is in it once.

Made here and loaded, rather than imported by the engine: an import has a layer of its own for each image,
and Docker 20.10 refuses STOPSIGNAL there. An image made here has the same id on every engine.
"""

import hashlib
import io
import json
import os
import stat
import sys
import tarfile
import time

# What no stand-in needs at run time. Directories stay, emptied.
PRUNED = (
    "dev", "proc", "sys", "tmp",
    "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
    "usr/share/bug", "usr/share/common-licenses", "usr/share/doc-base",
    "var/cache/apt", "var/cache/debconf", "var/cache/man", "var/lib/apt/lists", "var/log/apt", "var/tmp",
    "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/aarch64-linux-gnu/gconv",
)
PRUNED_FILES = (
    "var/lib/dpkg/status-old", "var/lib/dpkg/available", "var/log/dpkg.log", "var/log/alternatives.log",
    "var/log/bootstrap.log", "usr/sbin/policy-rc.d", "etc/resolv.conf", "etc/hostname",
    "etc/apt/apt.conf.d/90proxy",
)


def pruned(path):
    return path in PRUNED_FILES or path.endswith((".pyc", ".a")) or any(path.startswith(p + "/") for p in PRUNED)


def entries(tree):
    """path -> lstat of everything that belongs into an image."""
    found = {}
    stack = [""]
    while stack:
        directory = stack.pop()
        with os.scandir(os.path.join(tree, directory)) as listing:
            for entry in listing:
                path = f"{directory}/{entry.name}" if directory else entry.name
                if pruned(path):
                    continue
                status = entry.stat(follow_symlinks=False)
                found[path] = status
                if entry.is_dir(follow_symlinks=False):
                    stack.append(path)
    return found


def same(path, status, tree, parent, parent_status):
    def kind(s):
        return (s.st_mode, s.st_uid, s.st_gid)

    if kind(status) != kind(parent_status):
        return False
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(f"{tree}/{path}") == os.readlink(f"{parent}/{path}")
    if stat.S_ISREG(status.st_mode):
        return (status.st_size, int(status.st_mtime)) == (parent_status.st_size, int(parent_status.st_mtime))
    return True


def layer(tree, out, parent=None):
    now = entries(tree)
    before = entries(parent) if parent else {}
    changed = [p for p, s in now.items() if p not in before or not same(p, s, tree, parent, before[p])]
    # A name that went hides what is below it; one mark at the top is enough.
    removed = [p for p in before if p not in now and (os.path.dirname(p) in now or not os.path.dirname(p))]
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(changed):
            archive.add(f"{tree}/{path}", arcname=path, recursive=False)
        for path in sorted(removed):
            head, tail = os.path.split(path)
            archive.addfile(tarfile.TarInfo(os.path.join(head, ".wh." + tail)))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else sha256(file)


def sha256(file):
    state = hashlib.sha256()
    while block := file.read(1 << 20):
        state.update(block)
    return state.hexdigest()


def config(out, image, name, architecture, recipe, *layers):
    with open(image, encoding="utf-8") as file:
        settings = json.load(file)
    settings["Labels"] = {
        "devarch.stand-in": "true",
        "devarch.stand-in.name": name,
        "devarch.stand-in.recipe": recipe,
        **settings.get("Labels", {}),
    }
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    body = {
        "architecture": architecture,
        "os": "linux",
        "created": created,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(path) for path in layers]},
        "history": [{"created": created, "created_by": "stand-in for " + name} for _ in layers],
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(body, file, indent=1)


def full_name(name):
    return "docker.io/" + (name if "/" in name else "library/" + name)


def archive(*arguments):
    groups, group = [], []
    for argument in [*arguments, "--"]:
        if argument == "--":
            if group:
                groups.append(group)
            group = []
        else:
            group.append(argument)
    manifest, layers = [], {}
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.GNU_FORMAT) as out:

        def add(name, content):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))

        for config_path, *layer_paths in groups:
            with open(config_path, "rb") as file:
                content = file.read()
            body = json.loads(content)
            config_name = hashlib.sha256(content).hexdigest() + ".json"
            add(config_name, content)
            names = []
            for path, diff_id in zip(layer_paths, body["rootfs"]["diff_ids"]):
                name = diff_id.removeprefix("sha256:") + "/layer.tar"
                names.append(name)
                if name not in layers:
                    layers[name] = path
                    info = tarfile.TarInfo(name)
                    info.size = os.path.getsize(path)
                    with open(path, "rb") as file:
                        out.addfile(info, file)
            # In full: Podman would take a short name for one of localhost/.
            tag = full_name(body["config"]["Labels"]["devarch.stand-in.name"])
            manifest.append({"Config": config_name, "RepoTags": [tag], "Layers": names})
        add("manifest.json", json.dumps(manifest).encode())


if __name__ == "__main__":
    commands = {"layer": layer, "config": config, "archive": archive}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
