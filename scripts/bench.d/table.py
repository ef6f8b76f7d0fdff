#!/usr/bin/env python3
"""table.py DIR [--markdown] [--check]: the measurements of DIR/results as the table that DIR/lines describes.
table.py DIR --best KEY...: the key with the least median.

Contestants took turns, so what slowed the machine for a while slowed both: rounds are compared one by one.

A line is TITLE, KIND, OURS, THEIRS, TARGET, with tabs between; `-` is nothing. Kinds:
  ratio    median of the rounds' OURS / THEIRS
  less:N   median of OURS less N seconds
  more     median of the rounds' OURS less THEIRS
  share:N  median of OURS less N seconds / median of THEIRS
  memory   most MiB of OURS
"""

import statistics
import sys
from collections import defaultdict
from operator import sub, truediv
from pathlib import Path

HEAD = ["", "DevArch", "compared with", "result", "target", ""]


def read(directory: Path) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    times, sizes = defaultdict(list), defaultdict(list)
    for row in (directory / "results").read_text(encoding="utf-8").splitlines():
        key, took, kib = row.split("\t")
        times[key].append(float(took) / 1000)
        sizes[key].append(float(kib) / 1024)
    return times, sizes


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def spread(values: list[float]) -> str:
    if len(values) == 1:
        return seconds(values[0])
    return f"{seconds(statistics.median(values))} ({seconds(min(values))} to {seconds(max(values))}, {len(values)} runs)"


def rounds(ours: str, theirs: str, times: dict[str, list[float]]) -> list[float]:
    if len(times[ours]) != len(times[theirs]):
        sys.exit(f"table.py: {ours} was measured {len(times[ours])} times, {theirs} {len(times[theirs])} times")
    return times[theirs]


def row(line: str, times: dict[str, list[float]], sizes: dict[str, list[float]]) -> tuple[list[str], bool]:
    title, kind, ours, theirs, target = line.split("\t")
    kind, _, less = kind.partition(":")
    unit, shown, other = " s", spread(times[ours]), ""
    if kind == "ratio":
        value, unit = statistics.median(map(truediv, times[ours], rounds(ours, theirs, times))), ""
        other = spread(times[theirs])
    elif kind == "more":
        value = statistics.median(map(sub, times[ours], rounds(ours, theirs, times)))
        other = spread(times[theirs])
    elif kind == "share":
        value, unit = (statistics.median(times[ours]) - float(less)) / statistics.median(times[theirs]), ""
        other = spread(times[theirs])
    elif kind == "memory":
        value, unit = max(sizes[ours]), " MiB"
        shown = ""
    else:
        value = statistics.median(times[ours]) - float(less)
    if target == "-":
        return [title, shown, other, f"{value:.2f}{unit}", "", ""], True
    met = value <= float(target)
    return [title, shown, other, f"{value:.2f}{unit}", f"{target}{unit}", "met" if met else "MISSED"], met


def print_plain(rows: list[list[str]]) -> None:
    for title, shown, other, value, target, verdict in rows:
        print(f"{title}\n    {value}" + (f", target {target}: {verdict}" if target else ""))
        print("".join(f"    {name}: {text}\n" for name, text in (("devarch", shown), ("compared with", other)) if text), end="")


def print_markdown(rows: list[list[str]]) -> None:
    for cells in [HEAD, ["---"] * len(HEAD), *rows]:
        print("| " + " | ".join(cells) + " |")


def main() -> int:
    directory, options = Path(sys.argv[1]), sys.argv[2:]
    times, sizes = read(directory)
    if options[:1] == ["--best"]:
        print(min(options[1:], key=lambda key: statistics.median(times[key])))
        return 0
    lines = (directory / "lines").read_text(encoding="utf-8").splitlines()
    made = [row(line, times, sizes) for line in lines]
    rows = [cells for cells, _ in made]
    if "--markdown" in options:
        print_markdown(rows)
    else:
        print_plain(rows)
    missed = sum(not met for _, met in made)
    return 1 if missed and "--check" in options else 0


sys.exit(main())
