/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that the CPU described, to addresses where nothing is. */
#include "machine.h"

static void described_holes(void **state)
{
	static const struct {
		const char *policy;
		enum sv_verdict verdict;
		enum sv_ending ending;
		unsigned injections;
	} holes[] = {
		{NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, 1},
		{"hole=ignore", SV_VERDICT_RESUME, SV_ENDING_IGNORED, 0},
		{"hole=emulate", SV_VERDICT_ACCESS, SV_ENDING_COMPLETED, 0},
		{"hole=stop", SV_VERDICT_STOP, SV_ENDING_STOPPED, 0},
		{"hole@0xb000000=restart", SV_VERDICT_STOP, SV_ENDING_STOPPED, 0},
		{"hole@0xb000001=restart", SV_VERDICT_RESUME, SV_ENDING_INJECTED, 1},
		{"observe", SV_VERDICT_ACCESS, SV_ENDING_OBSERVED, 0},
	};

	for (size_t i = 0; i < COUNT(holes); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, holes[i].policy);
		memory_write(&machine.vcpu, RAM_BASE, 4, LDR_IMM);
		assert_int_equal(sv_hole(&session, &machine.vcpu.cpu, &machine.space, &machine.policy,
					 0x0b000000, false),
				 holes[i].verdict);
		assert_int_equal(session.report.ending, holes[i].ending);
		assert_int_equal(machine.vcpu.injections, holes[i].injections);
		assert_int_equal(session.report.cause, SV_CAUSE_HOLE);
		assert_true(session.report.has_insn && session.report.isv);
		assert_int_equal(session.report.word, LDR_IMM);
		assert_int_equal(machine.vcpu.sets, 0);
	}
}

/* What a described hole's report says, and that nothing is read which must not be. */
static void described_reports(void **state)
{
	static const struct {
		const char *policy;
		uint64_t ipa, pstate;
		unsigned flags;
		bool write, has_pc, has_insn;
		enum sv_reason reason;
		enum sv_action action;
		const char *region;
	} reports[] = {
		{NULL, 0x0b000000, 0, 0, true, true, true, SV_REASON_HOLE, SV_ACTION_INJECT, NULL},
		{NULL, RECORDER + 4, 0, 0, false, true, true, SV_REASON_DEVICE_REFUSED, SV_ACTION_INJECT,
		 "recorder"},
		{NULL, FLASH, 0, 0, true, true, true, SV_REASON_DEVICE_REFUSED, SV_ACTION_INJECT, "flash"},
		{"class:single=stop", 0x0b000000, 0, 0, false, true, true, SV_REASON_HOLE, SV_ACTION_STOP,
		 NULL},
		{"class:pair=stop", 0x0b000000, 0, 0, false, true, true, SV_REASON_HOLE, SV_ACTION_INJECT,
		 NULL},
		{"class:single=stop", 0x0b000000, 0x1d3, 0, false, true, false, SV_REASON_HOLE,
		 SV_ACTION_INJECT, NULL},
		{"class:single=stop", 0x0b000000, 0, SV_CPU_PROTECTED, false, false, false, SV_REASON_HOLE,
		 SV_ACTION_INJECT, NULL},
		{"class:single=stop", 0x0b000000, 0, SV_CPU_EL2, false, true, false, SV_REASON_HOLE,
		 SV_ACTION_INJECT, NULL},
		{"hole=observe", 0x0b000000, 0, 0, false, true, true, SV_REASON_HOLE, SV_ACTION_OBSERVE,
		 NULL},
	};

	for (size_t i = 0; i < COUNT(reports); i++) {
		static struct machine machine;
		struct sv_session session;
		const struct sv_report *report = &session.report;

		setup(&machine, reports[i].policy);
		/* A write-only window under the flash, which reads do not meet. */
		sv_space_add(&machine.space, &(struct sv_region){.first = FLASH,
								 .last = FLASH + 0xff,
								 .kind = SV_REGION_WINDOW,
								 .name = "flash",
								 .sizes = SV_SIZES_ANY});
		memory_write(&machine.vcpu, RAM_BASE, 4, LDR_IMM);
		if (reports[i].pstate)
			machine.vcpu.regs[SV_PSTATE] = reports[i].pstate;
		machine.vcpu.cpu.flags = reports[i].flags;
		sv_hole(&session, &machine.vcpu.cpu, &machine.space, &machine.policy, reports[i].ipa,
			reports[i].write);
		assert_int_equal(report->write, reports[i].write);
		assert_int_equal(report->has_pc, reports[i].has_pc);
		assert_int_equal(report->has_insn, reports[i].has_insn);
		assert_int_equal(report->has_word, reports[i].has_insn);
		assert_int_equal(report->reason, reports[i].reason);
		assert_int_equal(report->action, reports[i].action);
		assert_int_equal(report->ipa, reports[i].ipa);
		if (!reports[i].has_pc)
			assert_int_equal(machine.vcpu.gets, 0);
		if (reports[i].region) {
			assert_string_equal(report->region->name, reports[i].region);
			assert_int_equal(report->region->kind, SV_REGION_WINDOW);
		} else {
			assert_null(report->region);
		}
		if (report->ending == SV_ENDING_OBSERVED)
			assert_int_equal(report->would, SV_ENDING_INJECTED);
		if (report->ending == SV_ENDING_INJECTED)
			assert_int_equal(machine.vcpu.injection.write, reports[i].write);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(described_holes),
		cmocka_unit_test(described_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
