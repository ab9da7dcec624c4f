/* SPDX-License-Identifier: BSD-2-Clause */
/* Every ending and every reason, case by case, and that nothing is touched unless all of it is possible. */
#include "machine.h"

struct abort_case {
	const char *name;
	uint32_t word;
	uint64_t x0, iss, ipa;
	const char *policy;
	struct expected want;
	uint64_t pstate, sctlr, refuse, poisoned;
	unsigned flags, fsc; /* fsc: of the abort injected; 0: an external abort */
};

static const struct abort_case cases[] = {
	/*
	 * Completed. The recorder's bytes are 80 91 a2 b3 c4 d5 e6 f7, xored with the index of their 8
	 * bytes.
	 */
	{"post-indexed load", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 DONE("r8@a000000", "default nisv=emulate", RECORDER + 8, 0xf7e6d5c4b3a29180, X2)},
	{"post-indexed store", STR_POST, RECORDER, WRITE, RECORDER, NULL,
	 DONE("w8@a000000=1111111122222281", NULL, RECORDER + 8, X1, X2)},
	{"W store takes the low half", STRW_POST, RECORDER, WRITE, RECORDER, NULL,
	 DONE("w4@a000000=22222281", NULL, RECORDER + 4, X1, X2)},
	{"pre-indexed byte store", STRB_PRE, RECORDER + 4, WRITE, RECORDER + 3, NULL,
	 DONE("w1@a000003=81", NULL, RECORDER + 3, X1, X2)},
	{"signed byte to W", LDRSB_W, RECORDER, READ, RECORDER, NULL,
	 DONE("r1@a000000", NULL, RECORDER + 1, 0xffffff80, X2)},
	{"signed byte to X", LDRSB_X, RECORDER, READ, RECORDER, NULL,
	 DONE("r1@a000000", NULL, RECORDER + 1, 0xffffffffffffff80, X2)},
	{"pair of X is two accesses", LDP, RECORDER, READ, RECORDER, NULL,
	 DONE("r8@a000000 r8@a000008", NULL, RECORDER, 0xf7e6d5c4b3a29180, 0xf6e7d4c5b2a39081)},
	{"pair of W is two accesses, not one of 8", LDPW, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER, 0xb3a29180, 0xf7e6d5c4)},
	{"LDPSW extends each", LDPSW, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER, 0xffffffffb3a29180, 0xfffffffff7e6d5c4)},
	{"LDPSW with writeback", LDPSW_POST, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER + 8, 0xffffffffb3a29180, 0xfffffffff7e6d5c4)},
	{"STP's second element is the second register", STP, RECORDER, WRITE, RECORDER, NULL,
	 DONE("w8@a000000=1111111122222281 w8@a000008=3333333344444482", NULL, RECORDER, X1, X2)},
	{"pre-indexed pair", STP_PRE, RECORDER + 16, WRITE, RECORDER, NULL,
	 DONE("w8@a000000=1111111122222281 w8@a000008=3333333344444482", NULL, RECORDER, X1, X2)},
	{"the abort may be reported for the second element", LDP, RECORDER, READ, RECORDER + 8, NULL,
	 DONE("r8@a000000 r8@a000008", NULL, RECORDER, 0xf7e6d5c4b3a29180, 0xf6e7d4c5b2a39081)},
	{"the abort may be reported for any byte", LDP, RECORDER, READ, RECORDER + 13, NULL,
	 DONE("r8@a000000 r8@a000008", NULL, RECORDER, 0xf7e6d5c4b3a29180, 0xf6e7d4c5b2a39081)},
	{"permission fault", STR_POST, FLASH + 8, 0x4f, FLASH + 8, NULL,
	 DONE("w8@100008=1111111122222281", "default nisv=emulate", FLASH + 16, X1, X2)},
	{"level -1 translation fault", STRW_POST, RECORDER, 0x6b, RECORDER, NULL,
	 DONE("w4@a000000=22222281", NULL, RECORDER + 4, X1, X2)},
	{"register file takes a pair of W", STPW, REGISTER_FILE, WRITE, REGISTER_FILE, NULL,
	 DONE("w4@a020000=22222281 w4@a020004=44444482", NULL, REGISTER_FILE, X1, X2)},
	{"half in memory, half in a device", STP, RAM_BASE + RAM_SIZE - 8, WRITE, RAM_BASE + RAM_SIZE, NULL,
	 DONE("w8@40004000=3333333344444482", NULL, RAM_BASE + RAM_SIZE - 8, X1, X2)},
	{"the same, loading", LDP, RAM_BASE + RAM_SIZE - 8, READ, RAM_BASE + RAM_SIZE, NULL,
	 DONE("r8@40004000", NULL, RAM_BASE + RAM_SIZE - 8, 0, 0)},
	{"EL0 with the MMU off", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 DONE("r8@a000000", NULL, RECORDER + 8, 0xf7e6d5c4b3a29180, X2), .pstate = 0x3c0},
	{"big-endian", LDPW, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER, 0x8091a2b3, 0xc4d5e6f7), .sctlr = 0x32d00800},
	{"E0E is not EE", LDPW, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER, 0xb3a29180, 0xf7e6d5c4), .sctlr = 0x31d00800},
	{"big-endian at EL0 by E0E", LDPW, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000 r4@a000004", NULL, RECORDER, 0x8091a2b3, 0xc4d5e6f7), .sctlr = 0x31d00800,
	 .pstate = 0x3c0},
	{"a rule makes a hole a device",
	 LDR_POST,
	 0x0b000000,
	 READ,
	 0x0b000000,
	 "hole=emulate",
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_HOLE, SV_REASON_HOLE, "r8@b000000", "hole=emulate",
	  0x0b000008, 0, X2}},

	/*
	 * Vector registers: what they hold is for vectors(); here is what the device sees. Nothing is wider
	 * than 8 bytes.
	 */
	{"Q register in halves", 0x3dc00001, RECORDER, READ, RECORDER + 8, NULL,
	 DONE("r8@a000000 r8@a000008", "default nisv=emulate", RECORDER, X1, X2)},
	{"pair of Q registers, pre-indexed", 0xadff0801, RECORDER + 32, READ, RECORDER, NULL,
	 DONE("r8@a000000 r8@a000008 r8@a000010 r8@a000018", NULL, RECORDER, X1, X2)},
	{"S register, post-indexed", 0xbc404401, RECORDER, READ, RECORDER, NULL,
	 DONE("r4@a000000", NULL, RECORDER + 4, X1, X2)},
	{"structure, element by element", 0x0cdf8801, RECORDER, READ, RECORDER + 12,
	 NULL, /* ld2 { v1.2s, v2.2s }, [x0], #16 */
	 DONE("r4@a000000 r4@a000004 r4@a000008 r4@a00000c", NULL, RECORDER + 16, X1, X2)},
	{"lanes", 0x0d00a001, RECORDER, WRITE, RECORDER + 8, NULL, /* st3 { v1.s, v2.s, v3.s }[0], [x0] */
	 DONE("w4@a000000=0 w4@a000004=0 w4@a000008=0", NULL, RECORDER, X1, X2)},
	{"replicated", 0x4d40c401, RECORDER, READ, RECORDER, NULL, /* ld1r { v1.8h }, [x0] */
	 DONE("r2@a000000", NULL, RECORDER, X1, X2)},
	/* Refused by name, whatever is at the address. */
	{"SVE gather", 0x85024001, RECORDER, READ, RECORDER, NULL, /* ld1w { z1.s }, p0/z, [x0, z2.s, uxtw] */
	 INJECTED(UNSUPPORTED, REFUSED_GATHER, "", "default unsupported=inject")},
	{"SVE first-fault", 0xa41f6001, RECORDER, READ, RECORDER, NULL, /* ldff1b { z1.b }, p0/z, [x0] */
	 INJECTED(UNSUPPORTED, REFUSED_FAULTING, "", "default unsupported=inject")},
	{"SME", 0xe0000001, RECORDER, READ, RECORDER, NULL,
	 INJECTED(UNSUPPORTED, REFUSED_SME, "", "default unsupported=inject")},
	{"cache maintenance", 0xd50b7a20, FLASH, 0x14f, FLASH, NULL,
	 INJECTED(UNSUPPORTED, REFUSED_CACHE, "", "default unsupported=inject")},
	{"cache maintenance without CM", 0xd50b7a20, FLASH, 0x4f, FLASH, NULL, RETRIED(MISMATCH, CACHE_OP)},
	{"a class switched off", 0x3dc00001, RECORDER, READ, RECORDER, "class:simd=inject",
	 INJECTED(NISV, POLICY, "", "class:simd=inject")},
	/*
	 * With the MMU off all memory is Device memory, where an element must be aligned, a Q register to
	 * 16 bytes.
	 */
	{"Q register aligned to 8", 0x3dc00001, RECORDER + 8, READ, RECORDER + 8, NULL,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT)},

	/*
	 * Atomics: one access, whatever their size. The syndrome says read where a read would have faulted
	 * too.
	 */
	{"LDADD",
	 LDADD,
	 RECORDER,
	 READ,
	 RECORDER,
	 NULL,
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "add4@a000000",
	  "default atomic=emulate", RECORDER, X1, 0xb3a29180}},
	{"LDADD, reported as a write",
	 LDADD,
	 RECORDER,
	 WRITE,
	 RECORDER,
	 NULL,
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "add4@a000000",
	  "default atomic=emulate", RECORDER, X1, 0xb3a29180}},
	{"SWP",
	 SWP,
	 RECORDER,
	 READ,
	 RECORDER,
	 NULL,
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "swp8@a000000", NULL,
	  RECORDER, X1, 0xf7e6d5c4b3a29180}},
	{"CAS",
	 CAS,
	 RECORDER,
	 READ,
	 RECORDER,
	 NULL,
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "cas8@a000000", NULL,
	  RECORDER, 0xf7e6d5c4b3a29180, X2}},
	{"an ignored atomic reads zero",
	 LDADD,
	 RECORDER,
	 READ,
	 RECORDER,
	 "atomic=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "", "atomic=ignore",
	  RECORDER, X1, 0}},
	{"an atomic at a device that has none", LDADD, REGISTER_FILE, READ, REGISTER_FILE, NULL,
	 INJECTED(ATOMIC, ATOMIC, "", "device window"), .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"an atomic on a read-only slot", LDADD, FLASH, 0x4f, FLASH, NULL,
	 INJECTED(ATOMIC, ATOMIC, "", "device window"), .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"atomics switched off", LDADD, RECORDER, READ, RECORDER, "atomic=inject",
	 INJECTED(ATOMIC, POLICY, "", "atomic=inject"), .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"an atomic in a hole", LDADD, 0x0b000000, READ, 0x0b000000, NULL,
	 INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"load-exclusive", LDXR, RECORDER, READ, RECORDER, NULL,
	 INJECTED(EXCLUSIVE, REFUSED_EXCLUSIVE, "", "default exclusive=inject"),
	 .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"store-exclusive", STXR, RECORDER, WRITE, RECORDER, NULL,
	 INJECTED(EXCLUSIVE, REFUSED_EXCLUSIVE, "", NULL), .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"by rule a load-exclusive is a load",
	 LDXR,
	 RECORDER,
	 READ,
	 RECORDER,
	 "exclusive=emulate",
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_EXCLUSIVE, SV_REASON_NONE, "r8@a000000",
	  "exclusive=emulate", RECORDER, 0xf7e6d5c4b3a29180, X2}},
	{"but a rule cannot make a store-exclusive succeed",
	 STXR,
	 RECORDER,
	 WRITE,
	 RECORDER,
	 "exclusive=emulate",
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_EXCLUSIVE, SV_REASON_NONE, "", "exclusive=emulate",
	  RECORDER, X1, 1}},
	{"a rule for another place", LDXR, RECORDER, READ, RECORDER,
	 "exclusive@0x0b000000-0x0bffffff=emulate",
	 INJECTED(EXCLUSIVE, REFUSED_EXCLUSIVE, "", "default exclusive=inject"),
	 .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"floating-point atomic", 0xfc210002, RECORDER, READ, RECORDER, NULL,
	 INJECTED(UNSUPPORTED, REFUSED_LSFE, "", "default unsupported=inject")},
	{"load-exclusive elsewhere", LDXR, RECORDER, READ, RECORDER + 8, NULL, RETRIED(MISMATCH, ADDRESS)},

	/* Ignored: reads as zero, writes ignored, everything else as if it had happened. */
	{"ignored load",
	 LDR_POST,
	 0x0b000000,
	 READ,
	 0x0b000000,
	 "hole=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_HOLE, SV_REASON_HOLE, "", "hole=ignore", 0x0b000008,
	  0, X2}},
	{"ignored store to a device",
	 STR_POST,
	 RECORDER,
	 WRITE,
	 RECORDER,
	 "nisv@0x0a000000-0x0a00ffff=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_NISV, SV_REASON_NONE, "", NULL, RECORDER + 8, X1,
	  X2}},
	{"half ignored, half in a device",
	 LDP,
	 RECORDER + 0xfff8,
	 READ,
	 RECORDER + 0xfff8,
	 "hole=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_NISV, SV_REASON_NONE, "r8@a00fff8",
	  "default nisv=emulate", RECORDER + 0xfff8, 0xf8e9dacbbcad9e8f, 0}},

	/* A rule is about bytes: one about any byte of an access decides it, and only that access. */
	{"a rule ignores the second element",
	 LDP,
	 RECORDER,
	 READ,
	 RECORDER,
	 "nisv@0x0a000008-0x0a00000f=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_NISV, SV_REASON_NONE, "r8@a000000",
	  "default nisv=emulate", RECORDER, 0xf7e6d5c4b3a29180, 0}},
	{"a rule ignores the first element, by its last byte",
	 STP,
	 RECORDER,
	 WRITE,
	 RECORDER,
	 "nisv@0x0a000007=ignore",
	 {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_NISV, SV_REASON_NONE, "w8@a000008=3333333344444482",
	  "nisv@0x0a000007=ignore", RECORDER, X1, X2}},
	{"a rule about the byte behind", STP, RECORDER, WRITE, RECORDER, "nisv@0x0a000010=inject",
	 DONE("w8@a000000=1111111122222281 w8@a000008=3333333344444482", "default nisv=emulate", RECORDER, X1,
	      X2)},
	{"a rule about the second element", STP, RECORDER, WRITE, RECORDER,
	 "nisv@0x0a000008-0x0a00000f=inject",
	 INJECTED(NISV, POLICY, "", "nisv@0x0a000008-0x0a00000f=inject")},
	{"a rule about the last byte of the second element", STP, RECORDER, WRITE, RECORDER,
	 "nisv@0x0a00000f=inject", INJECTED(NISV, POLICY, "", "nisv@0x0a00000f=inject")},

	/* Injected: nothing has changed. */
	{"hole", LDR_POST, 0x0b000000, READ, 0x0b000000, NULL,
	 INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"half in a device, half in a hole", STP, RECORDER + 0xfff8, WRITE, RECORDER + 0xfff8, NULL,
	 INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"half in memory, half in a hole", STP, FLASH - 8, WRITE, FLASH - 8, NULL,
	 INJECTED(HOLE, HOLE, "", NULL)},
	{"pair of X at a register file of words", STP, REGISTER_FILE, WRITE, REGISTER_FILE, NULL,
	 INJECTED(NISV, WINDOW, "", "device window")},
	{"byte at a register file of words", STRB_PRE, REGISTER_FILE + 5, WRITE, REGISTER_FILE + 4, NULL,
	 INJECTED(NISV, WINDOW, "", "device window")},
	{"device inside the kernel", LDR_POST, DISTRIBUTOR, READ, DISTRIBUTOR, NULL,
	 INJECTED(UNSUPPORTED, KERNEL_DEVICE, "", "default unsupported=inject")},
	{"CONSTRAINED UNPREDICTABLE", LDP_SAME, RECORDER, READ, RECORDER, NULL,
	 INJECTED(UNSUPPORTED, UNPREDICTABLE, "", NULL)},
	{"by rule", LDR_POST, RECORDER, READ, RECORDER, "nisv=inject",
	 INJECTED(NISV, POLICY, "", "nisv=inject")},
	{"a class is switched off for whatever cause",
	 LDP_SAME,
	 RECORDER,
	 READ,
	 RECORDER,
	 "class:pair=stop",
	 {SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_CAUSE_UNSUPPORTED, SV_REASON_UNPREDICTABLE, "",
	  "class:pair=stop", 0, 0, 0}},
	{"of two that are in the way the first counts", LDP, RECORDER - 8, READ, RECORDER - 8, "nisv=stop",
	 INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"class switched off", LDP, RECORDER, READ, RECORDER, "class:pair=inject",
	 INJECTED(NISV, POLICY, "", "class:pair=inject")},
	{"AArch32", LDR_POST, RECORDER, READ, RECORDER, NULL, INJECTED(UNSUPPORTED, AARCH32, "", NULL),
	 .pstate = 0x1d3},
	{"virtual EL2, by state", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 INJECTED(UNSUPPORTED, VIRTUAL_EL2, "", NULL), .pstate = 0x3c9},
	{"virtual EL2, by feature", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 INJECTED(UNSUPPORTED, VIRTUAL_EL2, "", NULL), .flags = SV_CPU_EL2},
	{"protected", LDR_POST, RECORDER, READ, RECORDER, NULL, INJECTED(UNSUPPORTED, PROTECTED, "", NULL),
	 .flags = SV_CPU_PROTECTED},
	{"poisoned opcode", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 INJECTED(POISON, FETCH_FAULT, "", "default poison=inject"), .poisoned = RAM_BASE},
	{"device refuses at once", LDR_POST, RECORDER, READ, RECORDER, NULL,
	 INJECTED(NISV, DEVICE_REFUSED, "r8@a000000", "device"), .refuse = RECORDER},
	{"device refuses the second", LDP, RECORDER, READ, RECORDER, NULL,
	 INJECTED(NISV, DEVICE_REFUSED, "r8@a000000 r8@a000008", "device"), .refuse = RECORDER + 8},
	{"memory half is poisoned", STP, RAM_BASE + RAM_SIZE - 8, WRITE, RAM_BASE + RAM_SIZE, NULL,
	 INJECTED(POISON, MEMORY_FAULT, "", "memory"), .poisoned = RAM_BASE + RAM_SIZE - 8},

	{"a hole that is a device, then a device that refuses", LDP, RECORDER - 8, READ, RECORDER - 8,
	 "hole=emulate", INJECTED(NISV, DEVICE_REFUSED, "r8@9fffff8 r8@a000000", "device"),
	 .refuse = RECORDER},

	/* Retried: the word does not explain the syndrome. */
	{"CONSTRAINED UNPREDICTABLE at another address", LDP_SAME, RECORDER, READ, RECORDER + 0x1000, NULL,
	 RETRIED(MISMATCH, ADDRESS)},
	{"not a load or store", NOP, RECORDER, READ, RECORDER, NULL, RETRIED(UNDECODABLE, NOT_DECODED)},
	{"one that the CPU describes", LDR_IMM, RECORDER, READ, RECORDER, NULL, RETRIED(MISMATCH, ISV_ROW)},
	{"a load where a store aborted", LDR_POST, RECORDER, WRITE, RECORDER, NULL,
	 RETRIED(MISMATCH, DIRECTION)},
	{"a store where a load aborted", STR_POST, RECORDER, READ, RECORDER, NULL,
	 RETRIED(MISMATCH, DIRECTION)},
	{"cache maintenance aborted", STR_POST, RECORDER, WRITE | 0x100, RECORDER, NULL,
	 RETRIED(MISMATCH, CACHE_OP)},
	{"64 bytes, not described", 0xf83fd002, RECORDER, READ, RECORDER, NULL, RETRIED(MISMATCH, ISV_ROW)},
	{"dc zva on Device memory", 0xd50b7420, RECORDER, WRITE, RECORDER, NULL,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT)},
	{"an alignment fault", LDR_POST, RECORDER, 0x21, RECORDER, NULL, RETRIED(MISMATCH, FAULT_STATUS)},
	{"an external abort", LDR_POST, RECORDER, 0x10, RECORDER, NULL, RETRIED(MISMATCH, FAULT_STATUS)},
	{"another page", LDR_POST, RECORDER, READ, RECORDER + 0x1000, NULL, RETRIED(MISMATCH, ADDRESS)},
	{"one byte before", LDR_POST, RECORDER + 8, READ, RECORDER + 7, NULL, RETRIED(MISMATCH, ADDRESS)},
	{"unaligned on Device memory", LDR_POST, RECORDER + 1, READ, RECORDER + 1, NULL,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT)},
	{"one byte behind", LDR_POST, RECORDER, READ, RECORDER + 8, NULL, RETRIED(MISMATCH, ADDRESS)},
	{"memory has come to the address", LDR_POST, RAM_BASE + 0x100, READ, RAM_BASE + 0x100, NULL,
	 RETRIED(MISMATCH, MEMORY)},

	/* Stopped: the embedder's to decide, nothing has changed. */
	{"stop",
	 LDR_POST,
	 RECORDER,
	 READ,
	 RECORDER,
	 "nisv=stop",
	 {SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_CAUSE_NISV, SV_REASON_POLICY, "", "nisv=stop", 0, 0, 0}},
	{"restart on a hole",
	 LDR_POST,
	 0x0b000000,
	 READ,
	 0x0b000000,
	 "hole=restart",
	 {SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_CAUSE_HOLE, SV_REASON_HOLE, "", "hole=restart", 0, 0, 0}},
	{"observe",
	 LDR_POST,
	 RECORDER,
	 READ,
	 RECORDER,
	 "observe",
	 {SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_CAUSE_NISV, SV_REASON_NONE, "", "observe", 0, 0, 0}},
	{"of two that observe the first is named",
	 LDP,
	 RECORDER - 8,
	 READ,
	 RECORDER - 8,
	 "nisv=observe hole=observe",
	 {SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_CAUSE_HOLE, SV_REASON_HOLE, "", "hole=observe", 0, 0, 0}},
	{"observe the device behind a hole",
	 LDP,
	 RECORDER - 8,
	 READ,
	 RECORDER - 8,
	 "nisv=observe",
	 {SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_CAUSE_HOLE, SV_REASON_HOLE, "", "nisv=observe", 0, 0, 0}},
	{"observe a hole",
	 LDR_POST,
	 0x0b000000,
	 READ,
	 0x0b000000,
	 "observe",
	 {SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_CAUSE_HOLE, SV_REASON_HOLE, "", "observe", 0, 0, 0}},
};

static void prepare(struct machine *machine, const struct abort_case *test)
{
	setup(machine, test->policy);
	memory_write(&machine->vcpu, RAM_BASE, 4, test->word);
	machine->vcpu.regs[SV_X0] = test->x0;
	if (test->pstate)
		machine->vcpu.regs[SV_PSTATE] = test->pstate;
	if (test->sctlr)
		machine->vcpu.regs[SV_SCTLR_EL1] = test->sctlr;
	machine->vcpu.cpu.flags = test->flags;
	machine->refuse = test->refuse;
	machine->vcpu.poisoned = test->poisoned;
}

static unsigned accesses_of(const char *log)
{
	unsigned count = 0;

	while ((log = strchr(log, '@'))) {
		log++;
		count++;
	}
	return count;
}

static void endings(void **state)
{
	static struct machine machine, before;
	bool seen[SV_ENDING_COUNT] = {false};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct abort_case *test = &cases[i];
		const struct expected *want = &test->want;
		struct sv_session session;
		enum sv_verdict verdict;

		prepare(&machine, test);
		before = machine;
		verdict = run(&machine, &session, test->iss, test->ipa);
		seen[session.report.ending] = true;
		if (verdict != want->verdict || session.report.ending != want->ending ||
		    session.report.cause != want->cause || session.report.reason != want->reason)
			fail_msg("%s: verdict %d, %s, cause %s, reason: %s", test->name, verdict,
				 sv_ending_name(session.report.ending), sv_cause_name(session.report.cause),
				 sv_reason_text(session.report.reason));
		if (strcmp(machine.log, want->log))
			fail_msg("%s: accesses \"%s\"", test->name, machine.log);
		if (want->rule)
			assert_string_equal(session.report.rule->text, want->rule);
		check(test->name,
		      !session.report.rule || session.report.action == session.report.rule->action);
		check(test->name, session.report.write == !!(test->iss & 0x40));
		check(test->name, session.report.accesses == accesses_of(machine.log) - (test->refuse != 0));
		check(test->name, machine.vcpu.injections == (want->ending == SV_ENDING_INJECTED));
		check(test->name,
		      !machine.vcpu.injections ||
			      machine.vcpu.injection.fsc == (test->fsc ? test->fsc : SV_FSC_EXTERNAL));
		check(test->name, !test->fsc || machine.vcpu.injection.va == test->x0);
		if (want->ending == SV_ENDING_COMPLETED || want->ending == SV_ENDING_IGNORED) {
			if (machine.vcpu.regs[SV_X0] != want->x0 ||
			    machine.vcpu.regs[SV_X0 + 1] != want->x1 ||
			    machine.vcpu.regs[SV_X0 + 2] != want->x2)
				fail_msg("%s: x0 %llx x1 %llx x2 %llx", test->name,
					 (unsigned long long)machine.vcpu.regs[SV_X0],
					 (unsigned long long)machine.vcpu.regs[SV_X0 + 1],
					 (unsigned long long)machine.vcpu.regs[SV_X0 + 2]);
			check(test->name, machine.vcpu.regs[SV_PC] == RAM_BASE + 4);
			/* And nothing but those. */
			for (unsigned reg = SV_X0 + 3; reg < SV_REG_COUNT; reg++)
				check(test->name,
				      reg == SV_PC || machine.vcpu.regs[reg] == before.vcpu.regs[reg]);
		} else {
			check(test->name,
			      !memcmp(machine.vcpu.regs, before.vcpu.regs, sizeof(before.vcpu.regs)));
			check(test->name, machine.vcpu.sets == 0);
			check(test->name, !memcmp(machine.ram, before.ram, sizeof(before.ram)));
			if (!test->refuse)
				check(test->name,
				      !memcmp(machine.recorder, before.recorder, sizeof(before.recorder)));
		}
	}
	for (unsigned i = 0; i < SV_ENDING_COUNT; i++)
		check(sv_ending_name(i), seen[i]);
}

/*
 * Random words, registers, syndromes and policies: a session ends within its bounds in one of its endings,
 * and one that did not complete has changed no register and, where no device refused, no memory.
 */
static void all_or_nothing(void **state)
{
	enum { ABORTS = 150000 };
	static const char *const policies[] = {NULL,        "observe",      "hole=ignore",
					       "nisv=stop", "hole=emulate", "class:pair=inject"};
	static const uint64_t places[] = {
		RECORDER,  RECORDER + 0xfff8,       REGISTER_FILE,     DISTRIBUTOR, FLASH,
		FLASH - 4, RAM_BASE + RAM_SIZE - 8, RAM_BASE + 0x1000, 0x0b000000,  UINT64_MAX - 3,
		0};
	static const uint32_t kinds[] = {0x38000400, 0x28000000, 0x29000000, 0x28800000,
					 0x29800000, 0x38000000, 0x08008000, 0xa400a000,
					 0xe400e000, 0x85804000, 0x19010400, 0x19c10400,
					 0x1d010400, 0xd9200400, 0x0c000000, 0xd50b7420};
	static struct machine machine, before;
	unsigned endings[SV_ENDING_COUNT] = {0};
	uint64_t seed = 11;

	for (unsigned i = 0; i < ABORTS; i++) {
		uint64_t r = random_next(&seed),
			 place = places[(r >> 8) % COUNT(places)] + (r >> 16 & 3) * (r >> 18 & 1) * 4;
		uint32_t word = kinds[r % COUNT(kinds)] | (uint32_t)(r >> 32 & 0xc0400000) |
				(uint32_t)(random_next(&seed) & 0x003fffff);
		struct sv_session session;

		if (i % 64 == 0)
			setup(&machine, policies[i / 64 % COUNT(policies)]);
		if (i % 128 == 0)
			map_flat(&machine);
		machine.vcpu.vector = 16 << (i & 3);
		for (unsigned p = 0; p < sizeof(machine.vcpu.p[0]); p++)
			machine.vcpu.p[r >> 40 & 7][p] = (uint8_t)(r >> p % 8 * 5);
		machine.log[0] = 0;
		memory_write(&machine.vcpu, RAM_BASE, 4, word);
		for (unsigned reg = 0; reg <= 30; reg++)
			machine.vcpu.regs[SV_X0 + reg] = place + (reg & 1) * 8;
		/* How much a memory copy has left, in either form. */
		machine.vcpu.regs[SV_X0 + (word >> 5 & 31) % 31] = r >> 20 & 1 ? 24 : place;
		machine.vcpu.regs[SV_SP_EL1] = place;
		machine.vcpu.regs[SV_PC] = RAM_BASE;
		machine.vcpu.injections = machine.vcpu.sets = 0;
		memcpy(&before.vcpu.regs, &machine.vcpu.regs, sizeof(before.vcpu.regs));
		memcpy(before.ram, machine.ram, sizeof(before.ram));
		run(&machine, &session, r >> 63 ? WRITE : READ, place + (r >> 20 & 15));
		endings[session.report.ending]++;
		if (session.report.ending == SV_ENDING_COMPLETED ||
		    session.report.ending == SV_ENDING_IGNORED) {
			assert_int_equal(machine.vcpu.regs[SV_PC],
					 RAM_BASE + (session.plan.unfinished ? 0 : 4));
			continue;
		}
		assert_memory_equal(machine.vcpu.regs, before.vcpu.regs, sizeof(before.vcpu.regs));
		assert_memory_equal(machine.ram, before.ram, sizeof(before.ram));
		assert_string_equal(machine.log, "");
		assert_int_equal(machine.vcpu.sets, 0);
		assert_int_equal(machine.vcpu.injections, session.report.ending == SV_ENDING_INJECTED);
	}
	for (unsigned i = 0; i < SV_ENDING_COUNT; i++)
		if (endings[i] < 20)
			fail_msg("only %u %s", endings[i], sv_ending_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endings),
		cmocka_unit_test(all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
