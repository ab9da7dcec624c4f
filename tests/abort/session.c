/* SPDX-License-Identifier: BSD-2-Clause */
/* What else a session promises: registers, retries, reports, and embedders that hold it wrong. */
#include "machine.h"

static void memory_half_is_stored(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, STP);
	machine.vcpu.regs[SV_X0] = RAM_BASE + RAM_SIZE - 8;
	run(&machine, &session, WRITE, RAM_BASE + RAM_SIZE);
	assert_int_equal(memory_read(&machine.vcpu, RAM_BASE + RAM_SIZE - 8, 8), X1);
	assert_int_equal(machine.vcpu.stores, 1);
}

static void stack_and_zero_register(void **state)
{
	static const struct {
		uint64_t pstate;
		enum sv_reg sp;
	} modes[] = {{0x3c5, SV_SP_EL1}, {0x3c4, SV_SP_EL0}, {0x3c0, SV_SP_EL0}};

	for (size_t i = 0; i < COUNT(modes); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, STP_ZR_SP);
		machine.vcpu.regs[SV_PSTATE] = modes[i].pstate;
		machine.vcpu.regs[SV_SP_EL0] = machine.vcpu.regs[SV_SP_EL1] = 0x0b000000;
		machine.vcpu.regs[modes[i].sp] = RECORDER;
		assert_int_equal(run(&machine, &session, WRITE, RECORDER), SV_VERDICT_RESUME);
		assert_string_equal(machine.log, "w8@a000000=0 w8@a000008=3333333344444482");
		assert_int_equal(machine.vcpu.regs[modes[i].sp], RECORDER + 16);
	}
}

/* What vector registers and devices hold afterwards. */
static void vectors(void **state)
{
	static struct machine machine;
	struct sv_session session;

	/* ld4 { v1.16b - v4.16b }, [x0]: 64 accesses of a byte, dealt to four registers. */
	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x4c400001);
	machine.vcpu.regs[SV_X0] = RECORDER;
	assert_int_equal(run(&machine, &session, READ, RECORDER + 63), SV_VERDICT_RESUME);
	assert_int_equal(session.report.accesses, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(machine.vcpu.z[1 + i % 4][i / 4], machine.recorder[i]);

	/* st4 puts them back in the same order. */
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x4c000001);
	machine.vcpu.regs[SV_PC] = RAM_BASE;
	machine.vcpu.regs[SV_X0] = RECORDER + 0x100;
	memset(machine.recorder + 0x100, 0, 64);
	assert_int_equal(run(&machine, &session, WRITE, RECORDER + 0x100), SV_VERDICT_RESUME);
	assert_memory_equal(machine.recorder + 0x100, machine.recorder, 64);

	/* A hole that a rule ignores reads as zero, to the last of 64 accesses. */
	setup(&machine, "hole=ignore");
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x4c400001);
	machine.vcpu.regs[SV_X0] = 0x0b000000;
	memset(machine.vcpu.z, 0xff, sizeof(machine.vcpu.z));
	assert_int_equal(run(&machine, &session, READ, 0x0b000000), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_IGNORED);
	assert_string_equal(machine.log, "");
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(machine.vcpu.z[1 + i / 16][i % 16], 0);
	assert_int_equal(machine.vcpu.z[5][0], 0xff);

	/* ld1 { v1.s }[2], [x0] keeps the other lanes. */
	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x4d408001);
	machine.vcpu.regs[SV_X0] = RECORDER;
	memset(machine.vcpu.z[1], 0x5a, 16);
	assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(machine.vcpu.z[1][i], i / 4 == 2 ? machine.recorder[i % 4] : 0x5a);

	/* A device that refuses the second half of a Q register leaves it as it was. */
	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, 0x3dc00001);
	machine.vcpu.regs[SV_X0] = RECORDER;
	machine.refuse = RECORDER + 8;
	memset(machine.vcpu.z[1], 0x5a, 16);
	assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_INJECTED);
	assert_int_equal(session.report.reason, SV_REASON_DEVICE_REFUSED);
	assert_int_equal(machine.vcpu.z[1][0], 0x5a);
}

/* Sixteen bytes reach the device at once, and both registers get what it held. */
static void pair_of_an_atomic(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, CASP);
	machine.vcpu.regs[SV_X0] = RECORDER;
	machine.vcpu.regs[SV_X0 + 2] = 0xf7e6d5c4b3a29180;
	machine.vcpu.regs[SV_X0 + 3] = 0xf6e7d4c5b2a39081;
	machine.vcpu.regs[SV_X0 + 4] = 0x4444;
	machine.vcpu.regs[SV_X0 + 5] = 0x5555;
	for (unsigned round = 0; round < 2; round++) {
		machine.log[0] = 0;
		machine.vcpu.regs[SV_PC] = RAM_BASE;
		assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
		assert_string_equal(machine.log, "cas16@a000000");
		assert_int_equal(machine.recorder[0], 0x44);
		assert_int_equal(machine.recorder[8], 0x55);
	}
	/* The second time it compared unequal and got what the first had left. */
	assert_int_equal(machine.vcpu.regs[SV_X0 + 2], 0x4444);
	assert_int_equal(machine.vcpu.regs[SV_X0 + 3], 0x5555);
}

/*
 * PSTATE.SS and BTYPE are cleared by every instruction that completes (DDI 0487, D2.12 and D8.4.7), and
 * PSTATE is written only then.
 */
static void pstate(void **state)
{
	static const struct {
		uint64_t in, out;
		unsigned sets;
	} pstates[] = {
		{0x3c5, 0x3c5, 3},
		{0x3c5 | SV_PSTATE_SS, 0x3c5, 4},
		{0x3c5 | UINT64_C(1) << 10, 0x3c5, 4},
		{0x3c5 | SV_PSTATE_BTYPE | SV_PSTATE_SS, 0x3c5, 4},
		{0xf00003c5 | SV_PSTATE_PAN, 0xf00003c5 | SV_PSTATE_PAN, 3},
	};

	for (size_t i = 0; i < COUNT(pstates); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, LDR_POST);
		machine.vcpu.regs[SV_X0] = RECORDER;
		machine.vcpu.regs[SV_PSTATE] = pstates[i].in;
		assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
		assert_int_equal(machine.vcpu.regs[SV_PSTATE], pstates[i].out);
		assert_int_equal(machine.vcpu.sets, pstates[i].sets);
	}
}

/*
 * KVM calls an abort takes with the MMU off: the operands, the PC twice, PSTATE and SCTLR_EL1 once (DESIGN:
 * at most two more than operands and PC).
 */
static void only_what_is_needed_is_read(void **state)
{
	static const struct {
		uint32_t word;
		uint64_t iss;
		unsigned operands_read, operands_written;
	} counts[] = {
		{LDR_POST, READ, 1, 2}, {STR_POST, WRITE, 2, 1},  {LDP, READ, 1, 2},
		{STP, WRITE, 3, 0},     {LDPSW_POST, READ, 1, 3}, {STP_PRE, WRITE, 3, 1},
	};

	for (size_t i = 0; i < COUNT(counts); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, counts[i].word);
		machine.vcpu.regs[SV_X0] = RECORDER + (counts[i].word == STP_PRE ? 16 : 0);
		assert_int_equal(run(&machine, &session, counts[i].iss, RECORDER), SV_VERDICT_RESUME);
		assert_int_equal(machine.vcpu.gets, counts[i].operands_read + 1 + 2);
		assert_int_equal(machine.vcpu.sets, counts[i].operands_written + 1);
		for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
			assert_true(machine.vcpu.got[reg] <= 1);
	}
}

static void retries_are_bounded(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, NOP);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < SV_RETRY_LIMIT; i++)
			assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RETRY);
		assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
		assert_int_equal(session.report.ending, SV_ENDING_INJECTED);
		assert_string_equal(session.report.rule->text, "default undecodable=inject");
	}
	assert_int_equal(machine.vcpu.injections, 3);

	/* Another ending in between begins the count anew. */
	run(&machine, &session, READ, RECORDER);
	memory_write(&machine.vcpu, RAM_BASE, 4, LDR_POST);
	machine.vcpu.regs[SV_X0] = RECORDER;
	machine.vcpu.regs[SV_PC] = RAM_BASE;
	assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
	assert_int_equal(machine.vcpu.cpu.retries, 0);
}

/* What counts is one instruction: an interrupt handler whose accesses complete does not interfere. */
static void retries_are_counted_apart(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, NOP);
	memory_write(&machine.vcpu, RAM_BASE + 0x100, 4, LDR_POST);
	for (unsigned i = 0; i <= SV_RETRY_LIMIT; i++) {
		machine.vcpu.regs[SV_PC] = RAM_BASE + 0x100;
		machine.vcpu.regs[SV_X0] = RECORDER;
		assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RESUME);
		assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
		machine.vcpu.regs[SV_PC] = RAM_BASE;
		assert_int_equal(run(&machine, &session, READ, RECORDER),
				 i < SV_RETRY_LIMIT ? SV_VERDICT_RETRY : SV_VERDICT_RESUME);
	}
	assert_int_equal(session.report.ending, SV_ENDING_INJECTED);
	/* Chance mismatches of many instructions do not add up. */
	for (unsigned i = 0; i < 4 * SV_RETRY_LIMIT; i++) {
		memory_write(&machine.vcpu, RAM_BASE + 0x200 + i * 4, 4, NOP);
		machine.vcpu.regs[SV_PC] = RAM_BASE + 0x200 + i * 4;
		assert_int_equal(run(&machine, &session, READ, RECORDER), SV_VERDICT_RETRY);
	}
}

/* A page that another vCPU moves to and fro makes one instruction abort at one address, then at another. */
static void retries_of_one_instruction(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, LDR_POST);
	for (unsigned i = 0; i <= SV_RETRY_LIMIT; i++) {
		machine.vcpu.regs[SV_X0] = RECORDER + (i + 1) % 2 * 0x1000;
		assert_int_equal(run(&machine, &session, READ, RECORDER + i % 2 * 0x1000),
				 i < SV_RETRY_LIMIT ? SV_VERDICT_RETRY : SV_VERDICT_RESUME);
	}
	assert_int_equal(session.report.reason, SV_REASON_ADDRESS);
	/* Nor do those of a loop over addresses add up, each of which is done in the end. */
	for (unsigned i = 0; i < 4 * SV_RETRY_LIMIT; i++) {
		uint64_t ipa = RECORDER + i * 8;

		machine.vcpu.regs[SV_PC] = RAM_BASE;
		machine.vcpu.regs[SV_X0] = ipa + 0x1000;
		assert_int_equal(run(&machine, &session, READ, ipa), SV_VERDICT_RETRY);
		machine.vcpu.regs[SV_X0] = ipa;
		assert_int_equal(run(&machine, &session, READ, ipa), SV_VERDICT_RESUME);
		assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
	}
}

/* Refusing without an access, and beginning again with the report's own abort. */
static void clumsy_embedder(void **state)
{
	static struct machine machine;
	struct sv_session session;
	struct sv_abort abort = {READ, RECORDER};

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, LDR_POST);
	machine.vcpu.regs[SV_X0] = RECORDER;
	sv_session_begin(&session, &machine.vcpu.cpu, &machine.space, &machine.policy, &abort);
	sv_session_begin(&session, &machine.vcpu.cpu, &machine.space, &machine.policy, &session.report.abort);
	assert_int_equal(session.report.abort.fault_ipa, RECORDER);
	assert_int_equal(session.report.abort.esr_iss, READ);
	sv_session_refuse(&session);
	assert_int_equal(sv_session_next(&session), SV_VERDICT_ACCESS);
	assert_int_equal(sv_session_next(&session), SV_VERDICT_RESUME);
	sv_session_refuse(&session);
	assert_int_equal(sv_session_next(&session), SV_VERDICT_RESUME);
	assert_int_equal(session.report.ending, SV_ENDING_COMPLETED);
	assert_int_equal(machine.vcpu.injections, 0);
}

/* Where va is known it is the one of the byte at ipa. */
static void reported_addresses(void **state)
{
	static const struct {
		uint32_t word;
		uint64_t x0, fault_ipa;
		bool has_va;
		uint64_t va, ipa;
	} reports[] = {
		{LDP, RECORDER, RECORDER + 8, true, RECORDER, RECORDER},
		{LDP, RECORDER + 0xfff8, RECORDER + 0xfff8, true, RECORDER + 0x10000, RECORDER + 0x10000},
		{LDP, RECORDER, RECORDER + 0x2000, false, 0, RECORDER + 0x2000},
		{LDP, RAM_BASE + 0x100, RAM_BASE + 0x108, true, RAM_BASE + 0x108, RAM_BASE + 0x108},
		{LDP_SAME, RECORDER, RECORDER + 8, true, RECORDER + 8, RECORDER + 8},
		{LDP, RECORDER + 4, RECORDER + 8, true, RECORDER + 4, RECORDER + 4},
		{NOP, RECORDER, RECORDER, false, 0, RECORDER},
	};

	for (size_t i = 0; i < COUNT(reports); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, reports[i].word);
		machine.vcpu.regs[SV_X0] = reports[i].x0;
		run(&machine, &session, READ, reports[i].fault_ipa);
		assert_int_equal(session.report.has_va, reports[i].has_va);
		assert_int_equal(session.report.va, reports[i].va);
		assert_int_equal(session.report.ipa, reports[i].ipa);
		if (machine.vcpu.injections)
			assert_int_equal(machine.vcpu.injection.va, reports[i].va);
	}
}

/* Sixteen windows of a byte each: more places than a session holds, and then just as many. */
static void fragments(void **state)
{
	for (unsigned bytes = 1; bytes <= 2; bytes++) {
		static struct machine machine;
		struct sv_region regions[32];
		struct sv_space space;
		struct sv_session session;
		struct sv_abort abort = {WRITE, RECORDER};
		unsigned accesses = 0;

		setup(&machine, NULL);
		sv_space_init(&space, regions, COUNT(regions));
		sv_space_add(&space, &(struct sv_region){.first = RAM_BASE,
							 .last = RAM_BASE + RAM_SIZE - 1,
							 .kind = SV_REGION_RAM,
							 .name = "ram",
							 .host = machine.ram});
		for (unsigned i = 0; i < 16; i += bytes)
			sv_space_add(&space, &(struct sv_region){.first = RECORDER + i,
								 .last = RECORDER + i + bytes - 1,
								 .kind = SV_REGION_WINDOW,
								 .name = "small",
								 .sizes = SV_SIZES_ANY});
		memory_write(&machine.vcpu, RAM_BASE, 4, STP);
		machine.vcpu.regs[SV_X0] = RECORDER;
		sv_session_begin(&session, &machine.vcpu.cpu, &space, NULL, &abort);
		while (sv_session_next(&session) == SV_VERDICT_ACCESS) {
			assert_int_equal(session.access.size, bytes);
			assert_int_equal(session.access.ipa, RECORDER + accesses++ * bytes);
		}
		assert_int_equal(accesses, bytes == 1 ? 0 : 8);
		assert_int_equal(session.report.ending,
				 bytes == 1 ? SV_ENDING_INJECTED : SV_ENDING_COMPLETED);
		assert_int_equal(session.report.reason, bytes == 1 ? SV_REASON_FRAGMENTED : SV_REASON_NONE);
		assert_int_equal(session.report.cause, bytes == 1 ? SV_CAUSE_UNSUPPORTED : SV_CAUSE_NISV);
	}
}

static void observing_tells_what_would_be(void **state)
{
	static const struct {
		uint64_t x0;
		const char *policy;
		enum sv_ending would;
	} observations[] = {
		{RECORDER, "observe", SV_ENDING_COMPLETED},
		{RECORDER, "nisv=observe", SV_ENDING_COMPLETED},
		{0x0b000000, "observe", SV_ENDING_INJECTED},
		{REGISTER_FILE, "observe", SV_ENDING_INJECTED},
		{RECORDER + 0xfff8, "nisv=observe", SV_ENDING_INJECTED},
		{RECORDER + 0xfff8, "nisv=observe hole=ignore", SV_ENDING_IGNORED},
	};

	for (size_t i = 0; i < COUNT(observations); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, observations[i].policy);
		memory_write(&machine.vcpu, RAM_BASE, 4, LDP);
		machine.vcpu.regs[SV_X0] = observations[i].x0;
		assert_int_equal(run(&machine, &session, READ, observations[i].x0), SV_VERDICT_STOP);
		assert_int_equal(session.report.ending, SV_ENDING_OBSERVED);
		assert_int_equal(session.report.would, observations[i].would);
		assert_int_equal(machine.vcpu.sets + machine.vcpu.injections, 0);
	}
}

/* Whatever register call fails, the session stops, and before the commit nothing was touched. */
static void broken_registers(void **state)
{
	static const enum sv_reg broken[] = {SV_PC, SV_PSTATE, SV_SCTLR_EL1, SV_X0, SV_X0 + 1, SV_X0 + 2};

	for (size_t i = 0; i < COUNT(broken); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, STP);
		machine.vcpu.regs[SV_X0] = RECORDER;
		machine.vcpu.broken_reg = broken[i];
		assert_int_equal(run(&machine, &session, WRITE, RECORDER), SV_VERDICT_STOP);
		assert_int_equal(session.report.reason, SV_REASON_REGISTER);
		assert_int_equal(session.report.action, SV_ACTION_STOP);
		assert_string_equal(machine.log, "");
		assert_int_equal(machine.vcpu.sets, 0);
	}
}

static void without_injection(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, LDR_POST);
	machine.vcpu.regs[SV_X0] = 0x0b000000;
	machine.vcpu.cannot_inject = true;
	assert_int_equal(run(&machine, &session, READ, 0x0b000000), SV_VERDICT_STOP);
	assert_int_equal(session.report.reason, SV_REASON_NO_INJECTION);
	assert_int_equal(session.report.action, SV_ACTION_STOP);
}

/* The exception is about the first byte that was in the way. */
static void fault_addresses(void **state)
{
	static struct machine machine;
	struct sv_session session;

	setup(&machine, NULL);
	memory_write(&machine.vcpu, RAM_BASE, 4, STP);
	machine.vcpu.regs[SV_X0] = RECORDER + 0xfff8;
	run(&machine, &session, WRITE, RECORDER + 0xfff8);
	assert_int_equal(session.report.ipa, RECORDER + 0x10000);
	assert_int_equal(machine.vcpu.injection.va, RECORDER + 0x10000);
	assert_true(machine.vcpu.injection.write);
	assert_null(session.report.region);
}

/* An opcode is a whole aligned word inside one memslot. */
static void opcode_places(void **state)
{
	static const struct {
		uint64_t pc, last;
		enum sv_reason reason;
	} places[] = {
		{RAM_BASE, RAM_BASE + 3, SV_REASON_NONE},
		{RAM_BASE, RAM_BASE + 2, SV_REASON_PC_NOT_MEMORY},
		{RAM_BASE + 2, RAM_BASE + 0xfff, SV_REASON_PC_TRANSLATION},
		{RAM_BASE + 1, RAM_BASE + 0xfff, SV_REASON_PC_TRANSLATION},
		{RECORDER, RAM_BASE + 0xfff, SV_REASON_PC_NOT_MEMORY},
		{UINT64_C(1) << 50, RAM_BASE + 0xfff, SV_REASON_PC_TRANSLATION},
	};

	for (size_t i = 0; i < COUNT(places); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		sv_space_remove(&machine.space, RAM_BASE, true);
		sv_space_add(&machine.space, &(struct sv_region){.first = RAM_BASE,
								 .last = places[i].last,
								 .kind = SV_REGION_RAM,
								 .name = "ram",
								 .host = machine.ram});
		memory_write(&machine.vcpu, places[i].pc & 2 ? RAM_BASE + 2 : RAM_BASE + (places[i].pc & 1),
			     4, LDR_POST);
		machine.vcpu.regs[SV_PC] = places[i].pc;
		machine.vcpu.regs[SV_X0] = RECORDER;
		run(&machine, &session, READ, RECORDER);
		assert_int_equal(session.report.reason, places[i].reason);
		assert_int_equal(session.report.ending,
				 places[i].reason ? SV_ENDING_RETRIED : SV_ENDING_COMPLETED);
		assert_int_equal(session.report.cause,
				 places[i].reason ? SV_CAUSE_UNTRANSLATABLE : SV_CAUSE_NISV);
	}
}

/* A host that steps through the guest: each instruction performed is a step, and PSTATE.SS is KVM's. */
static void host_steps(void **state)
{
	static const struct {
		uint32_t word;
		uint64_t x0, ipa;
		bool stepped;
	} cases[] = {
		{LDR_POST, RECORDER, RECORDER, true},
		{LDP, RECORDER, RECORDER, true},
		{LDR_POST, 0x0b000000, 0x0b000000, false}, /* an abort for the guest */
		{LDR_POST, RECORDER, RECORDER + 8, false}, /* tried again */
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (unsigned host = 0; host < 2; host++) {
			static struct machine machine;
			struct sv_session session;
			uint64_t pstate = 0x3c5 | SV_PSTATE_SS | UINT64_C(1) << 10;

			setup(&machine, NULL);
			memory_write(&machine.vcpu, RAM_BASE, 4, cases[i].word);
			machine.vcpu.regs[SV_X0] = cases[i].x0;
			machine.vcpu.regs[SV_PSTATE] = pstate;
			machine.vcpu.cpu.host_steps = host;
			run(&machine, &session, READ, cases[i].ipa);
			assert_int_equal(session.report.stepped, host && cases[i].stepped);
			if (cases[i].stepped)
				assert_int_equal(machine.vcpu.regs[SV_PSTATE],
						 0x3c5 | (host ? SV_PSTATE_SS : 0));
			else
				assert_int_equal(machine.vcpu.regs[SV_PSTATE], pstate);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_half_is_stored),
		cmocka_unit_test(stack_and_zero_register),
		cmocka_unit_test(pair_of_an_atomic),
		cmocka_unit_test(vectors),
		cmocka_unit_test(pstate),
		cmocka_unit_test(only_what_is_needed_is_read),
		cmocka_unit_test(retries_are_bounded),
		cmocka_unit_test(retries_are_counted_apart),
		cmocka_unit_test(retries_of_one_instruction),
		cmocka_unit_test(clumsy_embedder),
		cmocka_unit_test(reported_addresses),
		cmocka_unit_test(host_steps),
		cmocka_unit_test(fragments),
		cmocka_unit_test(observing_tells_what_would_be),
		cmocka_unit_test(broken_registers),
		cmocka_unit_test(without_injection),
		cmocka_unit_test(fault_addresses),
		cmocka_unit_test(opcode_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
