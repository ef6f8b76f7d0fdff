#!/usr/bin/env python3
"""count-tests.py JUNIT.xml PARTS.txt SURVIVED.txt FAILED.txt: prints `PASSED FAILED SKIPPED`, and one line to standard error
for each skipped test. PARTS.txt gets a line with how many tests ran against each engine and database, SURVIVED.txt one
with how many of the faults that tests put into applies did no harm, FAILED.txt what each failed test panicked with.

A test is skipped that passed and printed a line `SKIPPED: reason`: a real part it needs is not there. One that puts
faults into applies prints a line `survived N of N`.
"""

import re
import sys
from collections import Counter
from xml.etree import ElementTree

# Lines of a panic that are repeated where the log ends: a log that is cut in its middle still says why.
PANIC_LINES = 40

PARTS = ["rootless", "docker", "podman", "memory", "sqlite", "postgres"]


def panic_of(output):
    """What a test panicked with, without the stack."""
    _, found, panic = output.partition("\nthread '")
    lines = (found.strip("\n") + panic).split("stack backtrace:")[0].splitlines()
    return "\n".join(f"  {line}" for line in lines[:PANIC_LINES] if line.strip())


passed = failed = skipped = 0
failures = []
survived = faults = 0
parts = Counter()
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    output = "\n".join(part.text or "" for part in case.iter() if part.tag in ("system-out", "system-err"))
    for some, of in re.findall(r"^survived (\d+) of (\d+)$", output, re.MULTILINE):
        survived += int(some)
        faults += int(of)
    if case.find("failure") is not None or case.find("error") is not None:
        failed += 1
        failures.append(f"{case.get('classname')} {case.get('name')}\n{panic_of(output)}".rstrip())
        continue
    reasons = sorted({line.strip() for line in output.splitlines() if line.strip().startswith("SKIPPED:")})
    if reasons:
        skipped += 1
        print(f"{case.get('classname')} {case.get('name')}: {'; '.join(reasons)}", file=sys.stderr)
    else:
        passed += 1
        words = case.get("name", "").replace("::", "_").split("_")
        parts.update([next((part for part in PARTS if part in words), "none of them")])
with open(sys.argv[2], "w", encoding="utf-8") as file:
    print(", ".join(f"{part} {parts[part]}" for part in [*PARTS, "none of them"]), file=file)
with open(sys.argv[3], "w", encoding="utf-8") as file:
    if faults:
        print(f"survived {survived} of {faults}", file=file)
with open(sys.argv[4], "w", encoding="utf-8") as file:
    file.writelines(f"{failure}\n" for failure in failures)
print(passed, failed, skipped)
