/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions on what is more than a run of elements: blocks, tags, 64 bytes, copies and sets, vectors as long
 * as the CPU has them.
 */
#include "machine.h"

#define WIDE  0x0a030000 /* a window that takes 64 bytes, and 4 */
#define SMALL 0x0a040000 /* 16 bytes, then a hole */
#define HALF  0x0a050000 /* 8 bytes */
#define EDGE  (RAM_BASE + RAM_SIZE)
#define DATA  (RAM_BASE + 0x1000)

enum flag {
	FLAT = 1 << 0,    /* the device is mapped as Normal memory */
	LDST64B = 1 << 1, /* the exit is KVM_EXIT_ARM_LDST64B */
	STAYS = 1 << 2,   /* the PC does not move */
};

struct performed_case {
	const char *name;
	uint32_t word;
	unsigned flags;
	uint64_t x0, x1, x2, iss, ipa;
	uint64_t predicate; /* p0 */
	const char *policy;
	struct expected want;
	unsigned vector;
	uint64_t pstate;
	unsigned fsc;
};

#define LST(value) ((uint64_t)(value) << 11 | UINT64_C(1) << 24)
#define OPTION_B   (0x3c5 | SV_PSTATE_C)
#define BACKWARD   (OPTION_B | SV_PSTATE_N)

static const struct performed_case cases[] = {
	{"DC ZVA", 0xd50b7420, FLAT, RECORDER + 0x54, X1, X2, WRITE, RECORDER + 0x54,
	 .want = DONE(
		 "w8@a000040=0 w8@a000048=0 w8@a000050=0 w8@a000058=0 w8@a000060=0 w8@a000068=0 w8@a000070=0 "
		 "w8@a000078=0",
		 "default nisv=emulate", RECORDER + 0x54, X1, X2)},
	{"DC ZVA, abort reported for the block", 0xd50b7420, FLAT, SMALL + 0x14, X1, X2, WRITE, SMALL,
	 .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"DC ZVA in sizes that the device takes", 0xd50b7420, FLAT, REGISTER_FILE, X1, X2, WRITE,
	 REGISTER_FILE,
	 .want = DONE(
		 "w4@a020000=0 w4@a020004=0 w4@a020008=0 w4@a02000c=0 w4@a020010=0 w4@a020014=0 w4@a020018=0 "
		 "w4@a02001c=0 w4@a020020=0 w4@a020024=0 w4@a020028=0 w4@a02002c=0 w4@a020030=0 w4@a020034=0 "
		 "w4@a020038=0 w4@a02003c=0",
		 NULL, REGISTER_FILE, X1, X2)},
	{"DC GVA sets tags and nothing else", 0xd50b7460, FLAT, RECORDER + 4, X1, X2, WRITE, RECORDER + 4,
	 .want = DONE("", NULL, RECORDER + 4, X1, X2)},
	{"DC GVA of a hole", 0xd50b7460, FLAT, 0x0b000000, X1, X2, WRITE, 0x0b000000,
	 .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"DC GZVA", 0xd50b7480, FLAT, RECORDER, X1, X2, WRITE, RECORDER, .policy = "class:zero=inject",
	 .want = INJECTED(NISV, POLICY, "", "class:zero=inject")},

	{"STG moves its base", 0xd9201401, 0, RECORDER, X1, X2, WRITE, RECORDER,
	 .want = DONE("", NULL, RECORDER + 16, X1, X2)},
	{"STG takes no size that a device could mind", 0xd9201401, 0, REGISTER_FILE, X1, X2, WRITE,
	 REGISTER_FILE, .want = DONE("", NULL, REGISTER_FILE + 16, X1, X2)},
	{"STG in a hole", 0xd9201401, 0, 0x0b000000, X1, X2, WRITE, 0x0b000000,
	 .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"STG must be aligned", 0xd9201401, FLAT, RECORDER + 8, X1, X2, WRITE, RECORDER + 8,
	 .want = RETRIED(UNTRANSLATABLE, ALIGNMENT)},
	{"ST2G of memory and a device", 0xd9a00801, 0, EDGE - 16, X1, X2, WRITE, EDGE,
	 .want = INJECTED(UNSUPPORTED, TAGGED_MEMORY, "", "default unsupported=inject")},
	{"STZG zeroes what a device has", 0xd9601c01, 0, RECORDER, X1, X2, WRITE, RECORDER + 16,
	 .want = DONE("w8@a000010=0 w8@a000018=0", NULL, RECORDER + 16, X1, X2)},
	{"STZ2G", 0xd9e00801, 0, RECORDER, X1, X2, WRITE, RECORDER,
	 .want = DONE("w8@a000000=0 w8@a000008=0 w8@a000010=0 w8@a000018=0", NULL, RECORDER, X1, X2)},
	{"LDG reads tag zero", 0xd9600001, 0, RECORDER + 5, 0x0fff000000000001, X2, READ, RECORDER + 5,
	 .want = DONE("", NULL, RECORDER + 5, 0x00ff000000000001, X2)},
	{"LDGM reads none", 0xd9e00001, 0, RECORDER, X1, X2, READ, RECORDER,
	 .want = DONE("", NULL, RECORDER, 0, X2)},
	{"STGM", 0xd9a00001, 0, RECORDER, X1, X2, WRITE, RECORDER, .want = DONE("", NULL, RECORDER, X1, X2)},
	{"STGP is a pair, and tags of memory are the CPU's", 0x69000801, 0, RECORDER, X1, X2, WRITE, RECORDER,
	 .want = DONE("w8@a000000=1111111122222281 w8@a000008=3333333344444482", NULL, RECORDER, X1, X2)},

	{"LD64B", 0xf83fd002, LDST64B, WIDE, X1, X2, LST(2), WIDE,
	 .want = {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_LDST64B, SV_REASON_NONE, "r64@a030000",
		  "default ldst64b=emulate", WIDE, X1, 0x0706050403020100}},
	{"ST64B", 0xf83f9002, LDST64B, WIDE, X1, X2, LST(2) | 0x40, WIDE,
	 .want = {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_LDST64B, SV_REASON_NONE,
		  "w64@a030000=3333333344444482", NULL, WIDE, X1, X2}},
	{"ST64BV gets an answer", 0xf821b002, LDST64B, WIDE, X1, X2, LST(1) | 0x40, WIDE,
	 .want = {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_LDST64B, SV_REASON_NONE,
		  "w64@a030000=3333333344444482", NULL, WIDE, 0x5a, X2}},
	{"ST64BV0's first word is not ours to read", 0xf821a002, LDST64B, WIDE, X1, X2, LST(3) | 0x40, WIDE,
	 .want = INJECTED(UNSUPPORTED, REFUSED_ACCDATA, "", "default unsupported=inject")},
	{"a device that does not take 64 bytes", 0xf83fd002, LDST64B, RECORDER, X1, X2, LST(2), RECORDER,
	 .want = INJECTED(LDST64B, LDST64B, "", "device window"), .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"64 bytes in a hole", 0xf83fd002, LDST64B, 0x0b000000, X1, X2, LST(2), 0x0b000000,
	 .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"64 bytes, switched off", 0xf83fd002, LDST64B, WIDE, X1, X2, LST(2), WIDE,
	 .policy = "ldst64b=inject", .want = INJECTED(LDST64B, POLICY, "", "ldst64b=inject"),
	 .fsc = SV_FSC_UNSUPPORTED_ATOMIC},
	{"64 bytes must be aligned", 0xf83fd002, LDST64B | FLAT, WIDE + 8, X1, X2, LST(2), WIDE + 8,
	 .want = RETRIED(UNTRANSLATABLE, ALIGNMENT)},
	{"the exit says 64 bytes, the word does not", LDR_POST, LDST64B, WIDE, X1, X2, LST(2), WIDE,
	 .want = RETRIED(MISMATCH, NOT_LDST64B)},
	{"the exit says ST64BV, the word ST64B", 0xf83f9002, LDST64B, WIDE, X1, X2, LST(1) | 0x40, WIDE,
	 .want = RETRIED(MISMATCH, NOT_LDST64B)},
	{"the exit says a store, the word LD64B", 0xf83fd002, LDST64B, WIDE, X1, X2, LST(2) | 0x40, WIDE,
	 .want = RETRIED(MISMATCH, DIRECTION)},

	{"SETP", 0x19c10440, STAYS, RECORDER, X1, 12, WRITE, RECORDER,
	 .want = DONE("w8@a000000=8181818181818181 w4@a000008=81818181", NULL, RECORDER + 12, X1, 0)},
	{"SETP, unaligned", 0x19c10440, STAYS | FLAT, RECORDER + 3, X1, 12, WRITE, RECORDER + 3,
	 .want = DONE("w1@a000003=81 w4@a000004=81818181 w4@a000008=81818181 w2@a00000c=8181 w1@a00000e=81",
		      NULL, RECORDER + 15, X1, 0)},
	{"SETM, option A", 0x19c14440, STAYS, RECORDER + 12, X1, -8ul, WRITE, RECORDER + 4,
	 .want = DONE("w4@a000004=81818181 w4@a000008=81818181", NULL, RECORDER + 12, X1, 0)},
	{"SETE, option B", 0x19c18440, STAYS, RECORDER, X1, 4, WRITE, RECORDER, .pstate = OPTION_B,
	 .want = DONE("w4@a000000=81818181", NULL, RECORDER + 4, X1, 0)},
	{"SETP ends where the device does", 0x19c10440, STAYS, SMALL, X1, 100, WRITE, SMALL,
	 .want = DONE("w8@a040000=8181818181818181 w8@a040008=8181818181818181", NULL, SMALL + 16, X1, 84)},
	{"and begins in a hole with an abort", 0x19c10440, STAYS, SMALL + 16, X1, 84, WRITE, SMALL + 16,
	 .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"SETP of memory that comes before the device", 0x19c10440, STAYS, EDGE - 8, X1, 16, WRITE, EDGE,
	 .want = DONE("", NULL, EDGE, X1, 8)},
	{"SETP that is done", 0x19c10440, STAYS, RECORDER, X1, 0, WRITE, RECORDER,
	 .want = RETRIED(MISMATCH, ADDRESS)},
	{"SETP that does not reach the fault", 0x19c10440, STAYS, RECORDER, X1, 8, WRITE, RECORDER + 8,
	 .want = RETRIED(MISMATCH, ADDRESS)},
	{"SETP reads nothing", 0x19c10440, STAYS, RECORDER, X1, 8, READ, RECORDER,
	 .want = RETRIED(MISMATCH, DIRECTION)},
	{"SETGP of a device", 0x1dc10440, STAYS, RECORDER, X1, 16, WRITE, RECORDER,
	 .want = DONE("w8@a000000=8181818181818181 w8@a000008=8181818181818181", NULL, RECORDER + 16, X1, 0)},
	{"SETGP where half a granule is something else", 0x1dc10440, STAYS, HALF, X1, 32, WRITE, HALF,
	 .want = INJECTED(UNSUPPORTED, FRAGMENTED, "", "default unsupported=inject")},
	{"SETGP of memory before it", 0x1dc10440, STAYS, EDGE - 16, X1, 32, WRITE, EDGE,
	 .want = INJECTED(UNSUPPORTED, TAGGED_MEMORY, "", "default unsupported=inject")},

	{"CPYFP from a device", 0x19010440, STAYS, DATA, RECORDER + 4, 12, READ, RECORDER + 4,
	 .want = DONE("r4@a000004 r8@a000008", NULL, DATA + 12, RECORDER + 16, 0)},
	{"CPYFP to a device", 0x19010440, STAYS, RECORDER, DATA, 4, WRITE, RECORDER,
	 .want = DONE("w4@a000000=3c3b3a39", NULL, RECORDER + 4, DATA + 4, 0)},
	{"CPYFP from device to device", 0x19010440, STAYS, RECORDER + 8, RECORDER, 8, READ, RECORDER,
	 .want = DONE("r8@a000000 w8@a000008=f7e6d5c4b3a29180", NULL, RECORDER + 16, RECORDER + 8, 0)},
	{"CPYFM, option A", 0x19410440, STAYS, DATA + 8, RECORDER + 8, -8ul, READ, RECORDER,
	 .want = DONE("r8@a000000", NULL, DATA + 8, RECORDER + 8, 0)},
	{"CPYP backward, from what it overlaps", 0x1d010440, STAYS, SMALL + 4, SMALL, 12, READ, SMALL + 11,
	 .want = DONE("r8@a040000 r4@a040008 w4@a040004=0 w8@a040008=0", NULL, SMALL + 4, SMALL, 0)},
	{"CPYM backward, option A", 0x1d410440, STAYS, SMALL + 8, SMALL, 8, WRITE, SMALL + 15,
	 .want = DONE("r8@a040000 w8@a040008=0", NULL, SMALL + 8, SMALL, 0)},
	{"CPYE backward, option B", 0x1d810440, STAYS, SMALL + 16, SMALL + 8, 8, WRITE, SMALL + 15,
	 .pstate = BACKWARD, .want = DONE("r8@a040000 w8@a040008=0", NULL, SMALL + 8, SMALL, 0)},
	{"CPYFP where the syndrome says write and the source aborted", 0x19010440, STAYS, DATA, RECORDER, 8,
	 WRITE, RECORDER, .want = RETRIED(MISMATCH, ADDRESS)},
	{"CPYFP from a hole that reads as zero", 0x19010440, STAYS, RECORDER, 0x0b000000, 8, READ, 0x0b000000,
	 .policy = "hole=ignore",
	 .want = {SV_VERDICT_RESUME, SV_ENDING_IGNORED, SV_CAUSE_HOLE, SV_REASON_HOLE, "w8@a000000=0",
		  "hole=ignore", RECORDER + 8, 0x0b000008, 0}},
	{"a copy switched off", 0x19010440, STAYS, DATA, RECORDER, 12, READ, RECORDER,
	 .policy = "class:mops=inject", .want = INJECTED(NISV, POLICY, "", "class:mops=inject")},

	{"LD1W", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER, .predicate = 0x1111, .vector = 16,
	 .want = DONE("r4@a000000 r4@a000004 r4@a000008 r4@a00000c", "default nisv=emulate", RECORDER, X1,
		      X2)},
	{"LD1W, some lanes", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER + 12, .predicate = 0x1010,
	 .vector = 16, .want = DONE("r4@a000004 r4@a00000c", NULL, RECORDER, X1, X2)},
	{"the fault is in a lane that is not active", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER + 8,
	 .predicate = 0x1010, .vector = 16, .want = RETRIED(MISMATCH, ADDRESS)},
	{"no lane is active", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER, .vector = 16,
	 .want = RETRIED(MISMATCH, ADDRESS)},
	{"what is not active may lie anywhere", 0xa540a001, FLAT, SMALL + 8, X1, X2, READ, SMALL + 8,
	 .predicate = 0x0011, .vector = 16, .want = DONE("r4@a040008 r4@a04000c", NULL, SMALL + 8, X1, X2)},
	{"what is active may not", 0xa540a001, FLAT, SMALL + 8, X1, X2, READ, SMALL + 8, .predicate = 0x0111,
	 .vector = 16, .want = INJECTED(HOLE, HOLE, "", "default hole=inject")},
	{"LD1SH to longer lanes", 0xa500a001, FLAT, RECORDER, X1, X2, READ, RECORDER, .predicate = 0x01010101,
	 .vector = 32, .want = DONE("r2@a000000 r2@a000002 r2@a000004 r2@a000006", NULL, RECORDER, X1, X2)},
	{"ST1D", 0xe5e0e001, FLAT, RECORDER, X1, X2, WRITE, RECORDER, .predicate = 0x0101, .vector = 16,
	 .want = DONE("w8@a000000=807060504030201 w8@a000008=100f0e0d0c0b0a09", NULL, RECORDER, X1, X2)},
	{"ST1B of words", 0xe440e001, FLAT, RECORDER, X1, X2, WRITE, RECORDER, .predicate = 0x1111,
	 .vector = 16,
	 .want = DONE("w1@a000000=1 w1@a000001=5 w1@a000002=9 w1@a000003=d", NULL, RECORDER, X1, X2)},
	{"half in memory", 0xe540e001, FLAT, EDGE - 8, X1, X2, WRITE, EDGE, .predicate = 0x1111, .vector = 16,
	 .want = DONE("w4@40004000=c0b0a09 w4@40004004=100f0e0d", NULL, EDGE - 8, X1, X2)},
	{"LDR is bytes", 0x85804001, FLAT, RECORDER, X1, X2, READ, RECORDER, .vector = 16,
	 .want = DONE(
		 "r1@a000000 r1@a000001 r1@a000002 r1@a000003 r1@a000004 r1@a000005 r1@a000006 r1@a000007 r1@a000008 "
		 "r1@a000009 r1@a00000a r1@a00000b r1@a00000c r1@a00000d r1@a00000e r1@a00000f",
		 NULL, RECORDER, X1, X2)},
	{"STR of a predicate", 0xe5800000, FLAT, RECORDER, X1, X2, WRITE, RECORDER + 1, .predicate = 0x8421,
	 .vector = 16, .want = DONE("w1@a000000=21 w1@a000001=84", NULL, RECORDER, X1, X2)},
	{"LD1RW reads once", 0x8540c001, FLAT, RECORDER + 4, X1, X2, READ, RECORDER + 4, .predicate = 0x1000,
	 .vector = 16, .want = DONE("r4@a000004", NULL, RECORDER + 4, X1, X2)},
	{"LD2W", 0xa520e001, FLAT, RECORDER, X1, X2, READ, RECORDER, .predicate = 0x0001, .vector = 16,
	 .want = DONE("r4@a000000 r4@a000004", NULL, RECORDER, X1, X2)},
	{"no SVE to be had", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER, .predicate = 0x1111,
	 .want = INJECTED(UNSUPPORTED, SVE, "", "default unsupported=inject")},
	{"SVE switched off", 0xa540a001, FLAT, RECORDER, X1, X2, READ, RECORDER, .predicate = 0x1111,
	 .vector = 16, .policy = "class:sve=stop",
	 .want = {SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_CAUSE_NISV, SV_REASON_POLICY, "", "class:sve=stop",
		  0, 0, 0}},
};

static void prepare(struct machine *machine, const struct performed_case *test)
{
	static const struct sv_region windows[] = {
		{.first = WIDE,
		 .last = WIDE + 0xfff,
		 .kind = SV_REGION_WINDOW,
		 .name = "wide",
		 .sizes = 64 | 4},
		{.first = SMALL,
		 .last = SMALL + 15,
		 .kind = SV_REGION_WINDOW,
		 .name = "small",
		 .sizes = SV_SIZES_ANY},
		{.first = HALF,
		 .last = HALF + 7,
		 .kind = SV_REGION_WINDOW,
		 .name = "half",
		 .sizes = SV_SIZES_ANY},
	};
	struct memory_vcpu *vcpu = &machine->vcpu;

	setup(machine, test->policy);
	for (size_t i = 0; i < COUNT(windows); i++)
		assert_int_equal(sv_space_add(&machine->space, &windows[i]), SV_OK);
	memory_write(vcpu, RAM_BASE, 4, test->word);
	for (unsigned i = 0; i < 16; i++)
		memory_write(vcpu, DATA + i, 1, 0x39 + i);
	if (test->flags & FLAT)
		map_flat(machine);
	vcpu->regs[SV_X0] = test->x0;
	vcpu->regs[SV_X0 + 1] = test->x1;
	vcpu->regs[SV_X0 + 2] = test->x2;
	if (test->pstate)
		vcpu->regs[SV_PSTATE] = test->pstate;
	vcpu->vector = test->vector;
	for (unsigned i = 0; i < SV_VECTOR_BYTES; i++)
		vcpu->z[1][i] = (uint8_t)(i + 1);
	for (unsigned i = 0; i < 8; i++)
		vcpu->p[0][i] = (uint8_t)(test->predicate >> 8 * i);
}

static void performed(void **state)
{
	static struct machine machine, before;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct performed_case *test = &cases[i];
		const struct expected *want = &test->want;
		struct sv_abort abort = {test->iss, test->ipa, test->flags & LDST64B};
		struct sv_session session;
		enum sv_verdict verdict;
		bool done = want->ending == SV_ENDING_COMPLETED || want->ending == SV_ENDING_IGNORED;

		prepare(&machine, test);
		before = machine;
		verdict = run_abort(&machine, &session, &abort);
		if (verdict != want->verdict || session.report.ending != want->ending ||
		    session.report.cause != want->cause || session.report.reason != want->reason)
			fail_msg("%s: verdict %d, %s, cause %s, reason: %s", test->name, verdict,
				 sv_ending_name(session.report.ending), sv_cause_name(session.report.cause),
				 sv_reason_text(session.report.reason));
		if (strcmp(machine.log, want->log))
			fail_msg("%s: accesses \"%s\"", test->name, machine.log);
		if (want->rule)
			assert_string_equal(session.report.rule->text, want->rule);
		check(test->name, machine.vcpu.injections == (want->ending == SV_ENDING_INJECTED));
		check(test->name,
		      !machine.vcpu.injections ||
			      machine.vcpu.injection.fsc == (test->fsc ? test->fsc : SV_FSC_EXTERNAL));
		if (!done) {
			check(test->name, machine.vcpu.sets == 0);
			check(test->name, !memcmp(machine.ram, before.ram, sizeof(before.ram)));
			continue;
		}
		if (machine.vcpu.regs[SV_X0] != want->x0 || machine.vcpu.regs[SV_X0 + 1] != want->x1 ||
		    machine.vcpu.regs[SV_X0 + 2] != want->x2)
			fail_msg("%s: x0 %llx x1 %llx x2 %llx", test->name,
				 (unsigned long long)machine.vcpu.regs[SV_X0],
				 (unsigned long long)machine.vcpu.regs[SV_X0 + 1],
				 (unsigned long long)machine.vcpu.regs[SV_X0 + 2]);
		check(test->name, machine.vcpu.regs[SV_PC] == RAM_BASE + (test->flags & STAYS ? 0 : 4));
		check(test->name, machine.vcpu.regs[SV_PSTATE] == before.vcpu.regs[SV_PSTATE]);
	}
}

/*
 * A guest's memcpy() goes on chunk by chunk until the CPU finds nothing left; none is larger than it may be.
 */
static void chunks(void **state)
{
	static struct machine machine;
	uint64_t *x = &machine.vcpu.regs[SV_X0];
	unsigned count = 0, size = 3 * 4096 + 5;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x19c10440); /* setp [x0]!, x2!, x1 */
	x[0] = RECORDER + 0x7ff;
	x[1] = 0x5a;
	x[2] = size;
	map_flat(&machine);
	memset(machine.recorder, 0, sizeof(machine.recorder));
	while (x[2]) {
		uint64_t left = x[2];
		struct sv_session session;

		machine.log[0] = 0;
		assert_int_equal(run(&machine, &session, WRITE, x[0]), SV_VERDICT_RESUME);
		assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
		assert_in_range(left - x[2], 1, SV_CHUNK_BYTES);
		assert_int_equal(x[0] + x[2], RECORDER + 0x7ff + size);
		count++;
	}
	assert_in_range(count, size / SV_CHUNK_BYTES, size / SV_CHUNK_BYTES + 5);
	assert_int_equal(machine.recorder[0x7fe], 0);
	for (unsigned i = 0; i < size; i++)
		assert_int_equal(machine.recorder[0x7ff + i], 0x5a);
	assert_int_equal(machine.recorder[0x7ff + size], 0);
}

/* A refusal in the middle leaves the registers as they were. */
static void refused_midway(void **state)
{
	static struct machine machine;
	struct sv_session session;

	prepare(&machine, &(struct performed_case){.word = 0x19c10440, .x0 = RECORDER, .x2 = 64});
	machine.refuse = RECORDER + 32;
	assert_int_equal(run(&machine, &session, WRITE, RECORDER), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_INJECTED);
	assert_int_equal(session.report.reason, SV_REASON_DEVICE_REFUSED);
	assert_int_equal(machine.vcpu.sets, 0);
	assert_int_equal(machine.vcpu.regs[SV_X0], RECORDER);
}

/* What goes from above fails at its top, and the guest is told so. */
static void backward_into_a_hole(void **state)
{
	static struct machine machine;
	struct sv_session session;

	/* cpym [x0]!, [x1]!, x2!, option A, 32 bytes left */
	prepare(&machine,
		&(struct performed_case){.word = 0x1d410440, .x0 = 0x0b000100, .x1 = RECORDER, .x2 = 32});
	assert_int_equal(run(&machine, &session, WRITE, 0x0b00011f), SV_VERDICT_RESUME);
	assert_int_equal(session.report.reason, SV_REASON_HOLE);
	assert_int_equal(machine.vcpu.injection.va, 0x0b00011f);
	assert_int_equal(session.report.ipa, 0x0b00011f);
	assert_int_equal(machine.vcpu.sets, 0);
	assert_string_equal(machine.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(performed),
		cmocka_unit_test(chunks),
		cmocka_unit_test(refused_midway),
		cmocka_unit_test(backward_into_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
