# SPDX-License-Identifier: MIT
"""The long run: every target under coverage-guided fuzzing, and what it did. `python -m tests.fuzz.campaign --help`.

Inputs that find new ways are kept in build/fuzz/TARGET between runs; an input that breaks a rule is written to
build/fuzz/found/ and belongs into tests/fuzz/regressions/TARGET/ with its repair.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path

from attrs import frozen

from tests.fuzz import corpus, target
from tests.fuzz.worker import WORDS

TOP = Path(__file__).resolve().parents[2]
MEMORY = 256  #: MiB that a worker may take, the interpreter included
#: Counters that a run reaches at least: of C code, which no run has without it; and of any other target, a few.
LEAST, FEW = {"runner": 80, "monitor": 900}, 10
GRACE = 180.0  #: seconds for a worker to start, to try its corpus and to end, on a busy machine
_STUCK = 10  #: seconds of the clock after which libFuzzer calls an input a hang; worker.HANG is stricter
_TAIL = 2000
_KEPT = 150  # inputs of a target


@frozen
class Result:
    """What one worker did. `slowest` in seconds of the processor, `memory` in bytes."""

    target: str
    inputs: int
    seconds: float
    memory: int
    slowest: float
    problem: str  #: empty: none
    covered: tuple[int, int]  #: counters that libFuzzer has seen above 0: by the inputs in the tree, and at the end

    def __str__(self) -> str:
        return (f"{self.target:12} {self.inputs:>10,} {self.seconds:>8.1f} {self.memory >> 20:>8} "
                f"{self.slowest * 1e3:>10.1f} {self.covered[0]:>7,} {self.covered[1]:>7,}"
                f"  {'FAILED' if self.problem else 'ok'}")


HEAD = f"{'target':12} {'inputs':>10} {'seconds':>8} {'peak MiB':>8} {'slowest ms':>10} {'covered':>7} {'at end':>7}"


def usable() -> bool:
    """Whether atheris is installed."""
    return util.find_spec("atheris") is not None


def fuzz(name: str, work: Path, inputs: int, seconds: int, seed: int = 0) -> Result:
    """One target until so many inputs or seconds are over. `seed` 0: another each time."""
    own, given, broken = work / name, work / "given" / name, work / "found"
    for folder in (own, given, broken):
        folder.mkdir(parents=True, exist_ok=True)
    for old in given.iterdir():
        old.unlink()
    seeds = {f"seed-{number}": data for number, data in enumerate(target.load(name).seeds())}
    for entry, data in (seeds | corpus.inputs(name)).items():
        (given / entry).write_bytes(data)
    state, log = work / f"{name}.state", work / f"{name}.log"
    state.unlink(missing_ok=True)
    flags = (f"-runs={inputs}", f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={_STUCK}",
             f"-rss_limit_mb={MEMORY}", f"-max_len={target.load(name).LIMIT}", f"-artifact_prefix={broken}/{name}-",
             "-print_final_stats=1", str(own), str(given))
    begun = time.monotonic()
    with open(log, "wb") as output:
        # A program begins with the peak of the process that starts it (getrusage): so a small one does.
        worker = subprocess.Popen(["/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-m", "tests.fuzz.worker",
                                   name, str(state), *flags], cwd=TOP, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=output)
        status = _wait(worker, seconds + GRACE)
    taken = time.monotonic() - begun
    said = log.read_text(errors="replace")
    memory = int(found[1]) << 20 if (found := re.search(r"^stat::peak_rss_mb: *(\d+)$", said, re.MULTILINE)) else 0
    words = memoryview(state.read_bytes() if state.exists() else bytes(8 * WORDS)).cast("Q")
    problem = "" if status == 0 else f"status {status}: {said[-_TAIL:]}"
    if not problem and not memory:
        problem = f"no word of how much memory it took: {said[-_TAIL:]}"
    if not problem and memory > MEMORY << 20:
        problem = f"{memory >> 20} MiB of memory, expected at most {MEMORY}"
    covered, least = _covered(said), LEAST.get(name, FEW)
    if not problem and covered[1] < least:
        problem = (f"{covered[1]} counters covered, expected at least {least}: nothing has guided the inputs, so they "
                   "were random ones; is the code instrumented (worker.py), and does the target run it?")
    return Result(name, words[0], taken, memory, words[1] / 1e9, problem, covered)


def _covered(log: str) -> tuple[int, int]:
    """What libFuzzer says by itself."""
    start = re.search(r"\sINITED cov: (\d+)", log)
    counts = [int(count) for count in re.findall(r"^#\d+\s+[A-Z]+ +cov: (\d+)", log, re.MULTILINE)]
    return (int(start[1]), counts[-1]) if start else (0, 0)


def _wait(worker: subprocess.Popen[bytes], seconds: float) -> int:
    """Exit status, or the negative number of a signal, of a worker that may take so long."""
    try:
        return worker.wait(seconds)
    except BaseException as error:
        worker.kill()  # and what it started goes with it: worker.py asks for that
        worker.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return -signal.SIGKILL


def campaign(names: list[str], work: Path, inputs: int, seconds: int, jobs: int, seed: int = 0) -> Iterator[Result]:
    """Several targets, some at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda name: fuzz(name, work, inputs, seconds, seed), names)


def main() -> int:
    """For make fuzz."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("targets", nargs="*", help="all of them unless named: " + ", ".join(target.names()))
    options.add_argument("--inputs", type=int, default=200_000, help="at most so many for each")
    options.add_argument("--seconds", type=int, default=300, help="at most so many for each")
    options.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="targets at a time")
    options.add_argument("--seed", type=int, default=0, help="of the random numbers; 0: another each time")
    options.add_argument("--keep", action="store_true",
                         help=f"take the {_KEPT} smallest inputs that found new ways into the corpus of the tree")
    given = options.parse_args()
    if not usable():
        print("atheris is not installed; run: pip install 'openvmi[fuzz]'", file=sys.stderr)
        return 5
    work = TOP / "build" / "fuzz"
    names = given.targets or target.names()
    results = []
    print(HEAD)
    for result in campaign(names, work, given.inputs, given.seconds, given.jobs, given.seed):
        print(result, flush=True)
        results.append(result)
    total = sum(result.inputs for result in results)
    slowest, memory = max(r.slowest for r in results), max(r.memory for r in results)
    failed = [result for result in results if result.problem]
    for result in failed:
        print(f"\n{result.target}: {result.problem}", file=sys.stderr)
    if given.keep:
        for name in names:
            keep(name, work)
    print(f"fuzz: {total:,} inputs, {len(failed)} of {len(names)} targets failed, slowest input {slowest * 1e3:.0f} ms"
          f", peak {memory >> 20} MiB")
    return 1 if failed or not total else 0


def keep(name: str, work: Path) -> None:
    """Takes the smallest inputs that found new ways into the tree, next to those that are there."""
    found = sorted((path.read_bytes() for path in (work / name).iterdir()), key=len)
    corpus.store(name, [*target.load(name).seeds(), *corpus.archived(name).values(), *found[:_KEPT]])


if __name__ == "__main__":
    sys.exit(main())
