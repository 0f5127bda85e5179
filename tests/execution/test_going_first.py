"""What a process with a period asks for is granted where it may be, left out where not, and never handed on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are asked for nothing")

SCRIPT = """
import gc, json, os, sys, threading
from cellctl.realtime import PRIORITY, going_first
if len(sys.argv) > 1:
    import resource
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 16))
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    os.setgid(65534), os.setuid(65534)

def locked():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmLck")).split()[1]) > 0

def policy():
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getparam(0).sched_priority

def of_a_thread():
    said = []
    thread = threading.Thread(target=lambda: said.append(policy()))
    thread.start(), thread.join()
    return said[0]

def of_a_child():
    number = os.fork()
    if number == 0:
        os._exit(10 * locked() + os.sched_getscheduler(0))
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

with going_first():
    inside = policy(), gc.isenabled(), locked(), of_a_thread()
    child = of_a_child()
after = policy(), gc.isenabled()
print(json.dumps({"inside": inside, "child": child, "after": after, "wanted": [os.SCHED_FIFO, PRIORITY]}))
"""


def said(*arguments: str) -> dict[str, list]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stderr == ""
    return json.loads(ended.stdout)


ORDINARY = [0, 0]


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only a privileged user is granted it for certain")
def test_it_goes_first_and_nobody_inherits_it():
    told = said()
    policy, collects, locked, thread = told["inside"]
    if policy != told["wanted"]:
        pytest.skip(
            "a privileged user asked for real-time priority, and this system (a container, as a rule) did not grant it"
        )
    assert not collects
    assert locked
    assert thread == ORDINARY
    assert told["child"] == 0
    assert told["after"] == [ORDINARY, True]


@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only a privileged user can give his rights away")
def test_without_the_right_it_just_runs():
    told = said("without rights")
    assert told["inside"] == [ORDINARY, False, False, ORDINARY]
    assert told["after"] == [ORDINARY, True]
