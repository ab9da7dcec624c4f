#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs fuzz targets for a time each, and says of each how much was executed, how fast, and what was reached.

run.py [--seconds=N] [--merge] BUILD [TARGET...]

BUILD is a build directory with -Dfuzz=true (make fuzz has one). What was found on the way stays in BUILD/found/TARGET
and is gone on from; inputs that crash go to BUILD/crashes. --merge takes what reaches code that the committed corpus does
not reach into it, as few and small inputs as will do. Exit status 1 if any target crashed.
"""
import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = 8192  # bytes of an input, where it says nothing else
LENGTHS = {'insn': 160, 'translate': 256, 'session': 1024, 'softkvm': 1024, 'policy': 1024, 'decode': 512, 'options': 512}
HUNG = 10  # seconds
MEMORY = 2048  # MiB
# Inputs are small: what is freed need not be kept from use for long.
SANITIZER = {'ASAN_OPTIONS': 'quarantine_size_mb=8'}


def fault(text):
    sys.exit(f'salvage: fuzz: {text}')


def options(target):
    """What libFuzzer is always told of a target."""
    dictionary = HERE / 'dictionary' / f'{target}.dict'
    return [f'-max_len={LENGTHS.get(target, LONGEST)}', f'-timeout={HUNG}', f'-rss_limit_mb={MEMORY}',
            '-detect_leaks=1'] + ([f'-dict={dictionary}'] if dictionary.exists() else [])


class Build:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.crashes = self.path / 'crashes'

    def program(self, target):
        return self.path / 'fuzz' / f'fuzz-{target}'

    def found(self, target):
        return self.path / 'found' / target

    def targets(self):
        return sorted(path.name.removeprefix('fuzz-') for path in (self.path / 'fuzz').glob('fuzz-*')
                      if path.is_file() and '.' not in path.name)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def execute(build, target, seconds):
    """(log, exit status, seconds, of a CPU) of a run."""
    found, corpus = build.found(target), HERE / 'corpus' / target
    found.mkdir(parents=True, exist_ok=True)
    build.crashes.mkdir(exist_ok=True)
    command = [build.program(target), *options(target), f'-max_total_time={seconds}', '-print_final_stats=1',
               f'-artifact_prefix={build.crashes}/{target}-', found,
               *[path for path in (corpus, build.path / 'seeds' / target) if path.exists()]]
    began, used = time.monotonic(), cpu_seconds()
    run = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                         text=True, errors='replace', check=False, env={**SANITIZER, **os.environ})
    return run.stderr, run.returncode, time.monotonic() - began, cpu_seconds() - used


def numbers(log):
    executed = re.findall(r'stat::number_of_executed_units:\s+(\d+)', log) or re.findall(r'^#(\d+)\s', log, re.M)
    reached = re.findall(r'cov: (\d+) ft: (\d+)', log)
    inputs = re.findall(r'corp: (\d+)', log)
    return (int(executed[-1]) if executed else 0, int(reached[-1][0]) if reached else 0,
            int(reached[-1][1]) if reached else 0, int(inputs[-1]) if inputs else 0)


def why(log):
    """The lines that say what is wrong, for people."""
    lines = [line for line in log.splitlines()
             if re.search(r'broken:|ERROR: |runtime error:|SUMMARY:|Test unit written', line)]
    return '\n'.join('    ' + line for line in lines[:8]) or '    ' + '\n    '.join(log.splitlines()[-8:])


def run(build, targets, seconds):
    crashed = []
    print(f'{"target":<12}{"executions":>12}{"a second":>10}{"of CPU":>10}{"edges":>8}{"features":>10}{"inputs":>8}', flush=True)
    for target in targets:
        log, status, took, used = execute(build, target, seconds)
        executed, edges, features, inputs = numbers(log)
        speeds = f'{int(executed / max(took, 0.01)):>10}{int(executed / max(used, 0.01)):>10}'
        print(f'{target:<12}{executed:>12}{speeds}{edges:>8}{features:>10}{inputs:>8}', flush=True)
        if status or not executed:
            crashed.append(target)
            seed = re.findall(r'INFO: Seed: (\d+)', log)
            print(f'  crashed (status {status}, seed {seed[0] if seed else "unknown"}):\n{why(log)}')
            artifact = re.findall(r'Test unit written to (\S+)', log)
            if artifact:
                print(f'  reproduce: {build.program(target)} {artifact[-1]}', flush=True)
    if crashed:
        print(f'salvage: fuzz: crashed: {", ".join(crashed)}; inputs are in {build.crashes}', file=sys.stderr)
    return 1 if crashed else 0


def merge(build, targets):
    """Edges alone count: how often each was passed is the fuzzer's own business, and would keep a hundred times more.

    What was named by a person ("backward-length") stays."""
    for target in targets:
        corpus, scratch = HERE / 'corpus' / target, build.path / 'merge' / target
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        sources = [path for path in (corpus, build.found(target), build.path / 'seeds' / target) if path.exists()]
        result = subprocess.run([build.program(target), *options(target), '-set_cover_merge=1', '-use_counters=0', scratch,
                                 *sources], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, check=False)
        if result.returncode:
            fault(f'{target}: the corpus could not be merged: {result.stderr.decode(errors="replace")[-400:]}')
        corpus.mkdir(parents=True, exist_ok=True)
        for path in corpus.iterdir():
            if '-' not in path.name:
                path.unlink()
        for path in scratch.iterdir():
            # libFuzzer names them by their hash; a third of it is unique enough.
            shutil.copy(path, corpus / path.name[:12])
        sizes = [path.stat().st_size for path in corpus.iterdir()]
        print(f'{target:<12}{len(sizes):>6} inputs{sum(sizes):>8} bytes')
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--merge', action='store_true')
    parser.add_argument('build')
    parser.add_argument('target', nargs='*')
    arguments = parser.parse_args()
    build = Build(arguments.build)
    known = build.targets()
    if not known:
        fault(f'{build.path}: no fuzz targets there; "make fuzz" builds them')
    for target in arguments.target:
        if target not in known:
            fault(f'{target}: no such target; there are {", ".join(known)}')
    if arguments.seconds < 1:
        fault(f'--seconds={arguments.seconds}: expected at least 1')
    targets = arguments.target or known
    return merge(build, targets) if arguments.merge else run(build, targets, arguments.seconds)


if __name__ == '__main__':
    sys.exit(main())
