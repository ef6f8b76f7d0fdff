#!/usr/bin/env python3
"""count-tests.py JUNIT.xml: prints `PASSED FAILED SKIPPED`, and one line to standard error for each skipped test.

A test is skipped that passed and printed a line `SKIPPED: reason`: a real part it needs is not there.
"""

import sys
from xml.etree import ElementTree

passed = failed = skipped = 0
for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
    if case.find("failure") is not None or case.find("error") is not None:
        failed += 1
        continue
    output = "\n".join(part.text or "" for part in case.iter() if part.tag in ("system-out", "system-err"))
    reasons = sorted({line.strip() for line in output.splitlines() if line.strip().startswith("SKIPPED:")})
    if reasons:
        skipped += 1
        print(f"{case.get('classname')} {case.get('name')}: {'; '.join(reasons)}", file=sys.stderr)
    else:
        passed += 1
print(passed, failed, skipped)
