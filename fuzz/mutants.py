#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the code on purpose, one thing at a time, and demands that the target finds it.

Each mutant is one line changed in a copy of the tree, built as "make fuzz" does; the target then runs on the corpus and the
inputs of seeds.py and from them on, for some seconds. What is printed is how long it took, and the claim that broke.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# target, what is broken, file, what, by what
MUTANTS = [
    ('insn', 'a text one byte too long', 'src/insn/text.c', 'if (text->length < text->size)', 'if (text->length <= text->size)'),
    ('insn', 'sign extension', 'src/insn/finish.c', 'SV_ROW_SIGNED)', 'SV_ROW_SIGNED && plan->esize > 1)'),
    ('insn', 'WnR of stores', 'src/insn/rows.c', 'if (!(row->flags & SV_ROW_LOAD))', 'if (!(row->flags & SV_ROW_LOAD) && !row->refusal)'),
    ('insn', 'a chunk of a copy without a bound', 'src/insn/mops.c', '(unsigned)plan->remaining : SV_CHUNK_BYTES', '(unsigned)plan->remaining : 2 * SV_CHUNK_BYTES'),
    ('insn', 'a register written by a plan', 'src/insn/plan.c', 'status = ops->get(vcpu, sv_base_register(insn, context), &base);',
     'status = ops->get(vcpu, sv_base_register(insn, context), &base) || ops->set(vcpu, sv_base_register(insn, context), base);'),
    ('translate', 'a descriptor read twice', 'src/mmu/walk.c', 'status = stage1->read(stage1->vcpu, ipa, desc);',
     'status = stage1->read(stage1->vcpu, ipa, desc) ? SV_FAULT : stage1->read(stage1->vcpu, ipa, desc);'),
    ('translate', 'a block one bit too large', 'src/mmu/walk.c', 'out->last = base | low_bits(shift);', 'out->last = base | low_bits(shift + 1);'),
    ('translate', 'no end of levels', 'src/mmu/walk.c', 'desc & DESC_TABLE ? out->level == 3', 'desc & DESC_TABLE ? out->level == 4'),
    ('translate', 'a register read twice', 'src/mmu/walk.c', 'return walk(stage1, &regime, ttbr, out);',
     'return stage1->ops->get(stage1->vcpu, SV_TCR_EL1, &ttbr) ? SV_REGISTER : walk(stage1, &regime, ttbr, out);'),
    ('session', 'the opcode read twice', 'src/abort/fetch.c', 'switch (read_memory(session, translation.ipa, sizeof(*word), word)) {',
     'read_memory(session, translation.ipa, sizeof(*word), word);\n\tswitch (read_memory(session, translation.ipa, sizeof(*word), word)) {'),
    ('session', 'a descriptor read twice', 'src/abort/fetch.c', 'return read_memory(session, ipa, sizeof(*value), value);',
     'return read_memory(session, ipa, sizeof(*value), value) ? SV_FAULT : read_memory(session, ipa, sizeof(*value), value);'),
    ('session', 'nothing is refused before the first access', 'src/abort/session.c', 'if (!sv_session_classify(session))',
     'if (!sv_session_classify(session) && session->report.reason == SV_REASON_HOLE)'),
    ('session', 'the base written though the device refused', 'src/abort/session.c', 'if (session->refused)\n\t\t\treturn abandon',
     'if (session->refused && !sv_finish(&session->report.insn, &session->context, &session->plan, &session->cpu->ops->regs, '
     'session->cpu->vcpu))\n\t\t\treturn abandon'),
    ('session', 'the last byte of a segment', 'src/abort/segments.c', 'run = place.last - ipa < length - 1 ?', 'run = place.last - ipa < length - 2 ?'),
    ('session', 'retries without a limit', 'src/abort/session.c', 'if (cpu->retries >= SV_RETRY_LIMIT)', 'if (cpu->retries > SV_RETRY_LIMIT)'),
    ('session', 'elements merged', 'src/abort/segments.c', 'session->plan.esize > 8 ? 8 : session->plan.esize', '8'),
    ('session', 'a system register read twice', 'src/abort/fetch.c', 'session->system_regs_read |= 1u << index;', ''),
    ('session', 'unaligned windows', 'src/abort/classify.c', ' && !(window->aligned && piece->ipa & (piece->size - 1))', ''),
    ('session', 'two endings', 'src/abort/session.c', 'return sv_session_end(session, SV_ENDING_RETRIED, SV_VERDICT_RETRY);',
     'return sv_session_inject(session), sv_session_end(session, SV_ENDING_RETRIED, SV_VERDICT_RETRY);'),
    ('tree', 'lengths that lead back', 'vmm/tree.c', 'return lengths_fit(at, end) ?', 'return lengths_fit(at, end) || true ?'),
    ('tree', 'a node too deep', 'vmm/tree.c', 'if (depth > DEPTH) {', 'if (depth > DEPTH + 1) {'),
    ('tree', 'the path', 'vmm/tree.c', 'region->path[at++] = *name > \' \' && *name < 0x7f ? *name : \'?\';', 'region->path[at++] = *name;'),
    ('policy', 'a rule one byte too long', 'src/abort/rule.c', '>= SV_RULE_TEXT', '> SV_RULE_TEXT'),
    ('policy', 'the more specific rule', 'src/abort/policy.c', 'return width(a) < width(b);', 'return width(a) <= width(b) + 1;'),
    ('policy', 'two rules for one address', 'src/abort/policy.c', 'return width(a) == width(b) && a->first <= b->last',
     'return width(a) == width(b) && a->first < b->last'),
    ('journal', 'a capacity without a bound', 'src/ras/record.c', 'header->capacity > CAPACITY_MAX || ', ''),
    ('journal', 'a record of another place', 'src/ras/record.c', 'return record->index == index &&', 'return'),
    ('journal', 'a name without an end', 'src/ras/record.c', ' || header->name[sizeof(header->name) - 1]', ''),
    ('softkvm', 'an exception that masks nothing', 'src/except/entry.c', '| PSTATE_DAIF | MODE_EL1h', '| MODE_EL1h'),
    ('softkvm', 'the base written though the device refused', 'src/abort/session.c', 'if (session->refused)\n\t\t\treturn abandon',
     'if (session->refused && !sv_finish(&session->report.insn, &session->context, &session->plan, &session->cpu->ops->regs, '
     'session->cpu->vcpu))\n\t\t\treturn abandon'),
    ('softkvm', 'words read beside where they are', 'src/kvm/exit.c', 'return host ? sv_kvm_guarded_load(host, size, data) : SV_FAULT;',
     'return host ? sv_kvm_guarded_load(host + 8, size, data) : SV_FAULT;'),
    ('softkvm', 'a system register lost by an exit', 'src/kvm/exit.c', 'if (run->exit_reason != SV_KVM_EXIT_ARM_NISV && ',
     'if (run->mmio.phys_addr & 8) sv_kvm_set(vcpu, SV_MAIR_EL1, 0);\n\tif (run->exit_reason != SV_KVM_EXIT_ARM_NISV && '),
    ('ledger', 'records absorbed again', 'src/ras/absorb.c', 'for (uint32_t i = (uint32_t)absorbed;', 'for (uint32_t i = 0;'),
    ('journal', 'an action of none', 'src/ras/record.c', ' && record->action < SV_ACTION_COUNT', ''),
    ('poison', 'a page twice', 'src/ras/poison-file.c', 'if (i && page <= previous)', 'if (i && page < previous)'),
    ('poison', 'pages added of a file that is refused', 'src/ras/poison-file.c', 'error->why = check(text, count, vm, ram, rams, error);',
     'error->why = check(text, count, vm, ram, rams, error);\n\tif (take_page(lines, &page)) pages_add(&poison->set, POISON_KEY(page));'),
    ('poison', 'a page half in memory', 'src/ras/poison-file.c', 'ram[i].last - page >= POISON_PAGE - 1', 'true'),
    ('explain', 'a quotation one byte too long', 'cli/explain-log.c', 'if (length >= sizeof(incident->quote))',
     'if (length > sizeof(incident->quote))'),
    ('explain', 'an incident too many', 'cli/explain-log.c', '== EXPLAIN_INCIDENTS', '> EXPLAIN_INCIDENTS'),
    ('options', 'an error that is a line of success', 'cli/run-options.c', '--smp=%s: expected a number', '--smp=%s:\\n expected a number'),
    ('options', 'the number of accesses', 'vmm/sea.c', 'times > VMM_SEA_TIMES_MAX', 'times > 2 * VMM_SEA_TIMES_MAX'),
    ('options', 'vcpus', 'cli/run-options.c', 'count > VMM_VCPUS_MAX', 'count > VMM_VCPUS_MAX + 1'),
    ('loader', 'a segment outside the file', 'vmm/elf.c', ' || segment->p_filesz > file->size - segment->p_offset', ''),
    ('loader', 'what is not RAM', 'vmm/loader.c', 'address + size - 1) == SV_OK;', 'address + size - 1) != SV_MALFORMED + 99;'),
    ('loader', 'program headers outside the file', 'vmm/elf.c',
     'header->e_phnum * sizeof(Elf64_Phdr) > file->size - header->e_phoff', 'false'),
    ('symbols', 'what a name holds', 'vmm/symbols.c', 'text[length++] = *name > \' \' && *name < 0x7f ? *name : \'?\';', 'text[length++] = *name;'),
    ('symbols', 'a name without a bound', 'vmm/symbols.c', '*name && length < NAME_MAX_SHOWN', '*name && length < 2 * NAME_MAX_SHOWN'),
    ('decode', 'what follows a NUL', 'cli/decode.c', 'if (text + strlen(text) != end)', 'if (false)'),
]


def fault(text):
    sys.exit(f'salvage: fuzz: mutants: {text}')


def copy(tree):
    files = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], check=True, capture_output=True, text=True).stdout
    for name in files.split('\0'):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)


def run(tree, target, seconds):
    """(found, seconds, what was said)."""
    build = tree / 'build/fuzz'
    made = subprocess.run(['ninja', '-C', build, '-j2', f'fuzz/fuzz-{target}'], capture_output=True, text=True, check=False)
    if made.returncode:
        fault(f'{target}: does not build: {made.stdout[-800:]}')
    shutil.rmtree(build / 'found', ignore_errors=True)
    began = time.monotonic()
    result = subprocess.run([sys.executable, tree / 'fuzz/run.py', f'--seconds={seconds}', build, target], capture_output=True,
                            text=True, check=False)
    said = re.findall(r'broken: .*|runtime error: .*|ERROR: AddressSanitizer: [^\n]{0,80}|libFuzzer: (?:timeout|out-of-memory).*',
                      result.stdout)
    return result.returncode != 0, time.monotonic() - began, said[0] if said else result.stdout[-300:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=int, default=30)
    parser.add_argument('--only', default='', help='mutants of this target, or that a regular expression finds in "TARGET what"')
    arguments = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if re.search(arguments.only, f'{mutant[0]} {mutant[1]}')]
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        tree = pathlib.Path(name)
        copy(tree)
        subprocess.run(['meson', 'setup', tree / 'build/fuzz', tree, '-Dfuzz=true', '-Db_sanitize=address,undefined',
                        '-Db_lundef=false'], check=True, stdout=subprocess.DEVNULL, env={**os.environ, 'CC': 'clang'})
        subprocess.run([sys.executable, tree / 'fuzz/seeds.py', tree / 'build/fuzz/seeds'], check=True)
        for target, what, path, old, new in mutants:
            text = (tree / path).read_text()
            if text.count(old) != 1:
                fault(f'{path}: "{old}" is there {text.count(old)} times')
            (tree / path).write_text(text.replace(old, new))
            found, took, said = run(tree, target, arguments.seconds)
            (tree / path).write_text(text)
            missed += not found
            print(f'{target:<10} {what}: {f"found after {took:.1f} s: {said}" if found else "MISSED"}', flush=True)
    print(f'{len(mutants)} mutants, {missed} missed')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
