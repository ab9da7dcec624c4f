/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors on a kernel that a table scripts: from KVM's reports and KVM_RUN's failures to a record and
 * to the guest's abort.
 */
#include "sea-bench.h"

/*
 * KVM_EXIT_ARM_SEA in every form; MMU off, so that addresses are their own. ESR_EL1 is of EL1: EC 0x25, 0x21.
 */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t esr, flags, gva, gpa;
	unsigned valid; /* besides ESR and PC */
	uint64_t record_gva, record_gpa;
	enum road road;
	uint64_t esr_el1, far_el1;
} seas[] = {
	{"load", LDR, D, 1, DATA + 8, DATA, GPA | GVA, DATA + 8, DATA, KERNEL},
	{"load, GPA unknown", LDR, D, 0, DATA + 8, 0, GPA | GVA | INFERRED, DATA + 8, DATA + 8, KERNEL},
	{"load, GPA unknown, nothing there", LDR, D, 0, HOLE, 0, GPA | GVA | INFERRED, HOLE, HOLE, KERNEL},
	{"store", STR, D | WnR, 1, DATA + 8, DATA, GPA | GVA, DATA + 8, DATA, REGISTERS, 0x96000050,
	 DATA + 8},
	{"maintenance", LDR, D | WnR | 0x100, 1, DATA, DATA, GPA | GVA, DATA, DATA, REGISTERS, 0x96000150,
	 DATA},
	{"load, SET", LDR, D | 0x1000, 1, DATA, DATA, GPA | GVA, DATA, DATA, REGISTERS, 0x96001010, DATA},
	{"load, SET reserved", LDR, D | 0x800, 1, DATA, DATA, GPA | GVA, DATA, DATA, KERNEL},
	{"load, FnV", LDR, D | FnV, 0, 0xdead, 0xdead, GPA | GVA | INFERRED, DATA + 8, DATA + 8, REGISTERS,
	 0x96000410, 0},
	{"load, FnV, GPA known", LDR, D | FnV, 1, 0xdead, DATA, GPA, 0, DATA, REGISTERS, 0x96000410, 0},
	{"store, FnV", STR, D | FnV | WnR, 0, 0, 0, GPA | GVA | INFERRED, DATA + 8, DATA + 8, REGISTERS,
	 0x96000450, 0},
	{"FnV, and it is not this instruction", STR, D | FnV, 0, 0, 0, 0, 0, 0, REGISTERS, 0x96000410, 0},
	{"FnV, and it is no access", NOP, D | FnV, 0, 0, 0, 0, 0, 0, REGISTERS, 0x96000410, 0},
	{"fetch", LDR, I, 1, CODE, CODE, GPA | GVA, CODE, CODE, REGISTERS, 0x86000010, CODE},
	{"fetch, GPA unknown", NOP, I, 0, CODE, 0, GPA | GVA | INFERRED, CODE, CODE, REGISTERS, 0x86000010,
	 CODE},
	{"fetch, FnV", NOP, I | FnV, 0, 0, 0, GPA | GVA | INFERRED, CODE, CODE, REGISTERS, 0x86000410, 0},
	{"fetch, FnV, SET", NOP, I | FnV | 0x1800, 0, 0, 0, GPA | GVA | INFERRED, CODE, CODE, REGISTERS,
	 0x86001c10, 0},
	{"load, parity", LDR, D + 8, 1, DATA, DATA, GPA | GVA, DATA, DATA, REGISTERS, 0x96000018, DATA},
	{"a walk, MMU off by now", LDR, D + 7, 0, DATA, 0, GVA, DATA, 0, REGISTERS, 0x96000017, DATA},
	{"fetch, a walk", NOP, I + 5, 0, CODE, 0, GVA, CODE, 0, REGISTERS, 0x86000015, CODE},
};

static void exits(void **state)
{
	for (size_t i = 0; i < COUNT(seas); i++) {
		const char *name = seas[i].name;
		const struct sv_report *report = &bench.vcpu.session.report;
		bool fetch = seas[i].esr >> 26 == 0x20;

		setup(NULL);
		write_ram(CODE, 4, seas[i].word);
		sea(seas[i].esr, seas[i].flags, seas[i].gva, seas[i].gpa);
		check(name, exit_once(0, NULL) == SV_VERDICT_RESUME);
		is_record(name, seas[i].valid | SV_RAS_ESR, seas[i].record_gva, seas[i].record_gpa);
		check(name, bench.error.record.source == (fetch ? SV_RAS_SEA_INSN : SV_RAS_SEA_DATA));
		check(name, bench.error.record.esr == seas[i].esr && bench.error.aborted &&
				    !bench.error.failed && !bench.error.foreign);
		check(name, report->cause == SV_CAUSE_SEA && report->ending == SV_ENDING_INJECTED);
		check(name, !strcmp(report->rule->text, "default sea=inject"));
		check(name, report->has_insn == (!fetch && seas[i].word != NOP));
		check(name, road_taken() == seas[i].road);
		if (seas[i].road != REGISTERS)
			continue;
		check(name, *reg_of(&bench.kernel, ESR) == seas[i].esr_el1);
		check(name, *reg_of(&bench.kernel, FAR) == seas[i].far_el1);
		check(name, *reg_of(&bench.kernel, ELR) == CODE);
		check(name, *reg_of(&bench.kernel, PC) == VECTORS + 0x200);
	}
}

/* An abort on a walk names the access. What is bad is the table, which is found and not read. */
static void walks(void **state)
{
	setup(NULL);
	/* 30 bits: level 2 at TABLES, level 3 in the next page. */
	write_ram(TABLES, 8, (TABLES + PAGE) | 3);
	write_ram(TABLES + PAGE, 8, CODE | 0x403);
	write_ram(TABLES + PAGE + 8, 8, VECTORS | 0x403);
	*reg_of(&bench.kernel, TTBR0) = TABLES;
	*reg_of(&bench.kernel, TCR) = 34 | UINT64_C(5) << 32;
	*reg_of(&bench.kernel, SCTLR) |= 1;
	*reg_of(&bench.kernel, PC) = 0;
	*reg_of(&bench.kernel, VBAR) = 0x1000;
	sea(D + 7, 0, 0x7008, 0);
	bench.vcpu.poison = sv_poison_new(4);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_RESUME);
	assert_int_equal(bench.error.record.valid, SV_RAS_ESR | SV_RAS_PC | GPA | GVA | INFERRED);
	assert_int_equal(bench.error.record.gpa, TABLES + PAGE + 8 * 7);
	assert_int_equal(bench.error.record.gva, 0x7008);
	assert_int_equal(bench.vcpu.session.report.ipa, TABLES + PAGE + 8 * 7);
	assert_int_equal(road_taken(), REGISTERS);
	assert_int_equal(*reg_of(&bench.kernel, ESR), 0x96000017);
	assert_int_equal(*reg_of(&bench.kernel, FAR), 0x7008);
	assert_int_equal(*reg_of(&bench.kernel, PC), 0x1200);
	sv_poison_free((struct sv_poison *)bench.vcpu.poison);
}

/* Exits that are none of ours, and those whose registers are not ours to write. */
static void others(void **state)
{
	static const struct {
		uint64_t esr;
		unsigned flags;
		uint64_t pstate;
		enum road road;
	} cases[] = {
		{D, SV_CPU_EL2, EL1h, KERNEL},
		{D, SV_CPU_PROTECTED, EL1h, KERNEL},
		{D | WnR, SV_CPU_EL2, EL1h, KERNEL},
		{D | FnV, SV_CPU_EL2, EL1h, SERROR},
		{I, SV_CPU_EL2, EL1h, SERROR},
		{I, SV_CPU_PROTECTED, EL1h, SERROR},
		{D, 0, 0x1d3, KERNEL},
		{D | WnR, 0, 0x1d3, KERNEL},
		{I, 0, 0x1d3, SERROR},
		{D | FnV, 0, 0x1d3, SERROR},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		setup(NULL);
		bench.vcpu.cpu.flags = cases[i].flags;
		*reg_of(&bench.kernel, PSTATE) = cases[i].pstate;
		*reg_of(&bench.kernel, VBAR) = HOLE; /* nobody looks */
		sea(cases[i].esr, 1, DATA, DATA);
		assert_int_equal(exit_once(0, NULL), SV_VERDICT_RESUME);
		assert_int_equal(road_taken(), cases[i].road);
		assert_false(bench.error.readable);
	}
	setup(NULL);
	sea(UINT64_C(0x5a000000), 1, DATA, DATA);
	sv_kvm_run(&bench.vcpu);
	assert_false(sv_kvm_error(&bench.vcpu, 0, &bench.space, &bench.error));
	/* Left over from an exit before. */
	setup(NULL);
	sea(D, 1, DATA, DATA);
	for (int rc = -1; rc > -200; rc--) {
		bench.kernel.run_result = rc;
		sv_kvm_run(&bench.vcpu);
		assert_int_equal(sv_kvm_error(&bench.vcpu, rc, &bench.space, &bench.error), rc == -EHWPOISON);
	}
	/* A guest without FEAT_RAS has no SET. */
	setup(NULL);
	*reg_of(&bench.kernel, PFR0) = 0;
	sea(D | WnR | 0x1000, 1, DATA, DATA);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_RESUME);
	assert_int_equal(road_taken(), REGISTERS);
	assert_int_equal(*reg_of(&bench.kernel, ESR), 0x96000050);
	assert_int_equal(bench.error.injection.set, 0);
	/* Neither road. */
	setup(NULL);
	bench.kernel.refuses_events = -EINVAL;
	bench.kernel.fails_set = -EINVAL;
	sea(D | WnR, 1, DATA, DATA);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_NO_INJECTION);
}

/* Every action by rule and by threshold, for what KVM reported and for what the host did. */
static void policies(void **state)
{
	static const struct {
		const char *rule;
		bool host; /* EHWPOISON instead of the exit */
		uint64_t address_known;
		const char *threshold; /* that recording reached */
		enum sv_verdict verdict;
		enum sv_ending ending;
		enum sv_action action;
	} cases[] = {
		{NULL, false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"sea=inject", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"sea=stop", false, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_STOP},
		{"sea=restart", false, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_RESTART},
		{"sea=dump", false, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_DUMP},
		{"sea=observe", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_OBSERVED, SV_ACTION_OBSERVE},
		{"observe", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_OBSERVED, SV_ACTION_OBSERVE},
		{"stop", false, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_STOP},
		{"poison=stop", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"hole=stop", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"sea@0x40003000-0x40003fff=stop", false, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED,
		 SV_ACTION_STOP},
		{"sea@0x40004000-0x40004fff=stop", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED,
		 SV_ACTION_INJECT},
		{"sea@0x0-0xffffffffffff=stop", false, 0, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED,
		 SV_ACTION_INJECT},
		{"sea=stop", false, 0, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_STOP},
		{"sea:2=restart", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{NULL, false, 1, "sea:2=restart", SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_RESTART},
		{"sea=observe", false, 1, "sea:2=dump", SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_DUMP},
		{NULL, true, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"sea=stop", true, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"poison=stop", true, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_STOP},
		{"poison=restart", true, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_RESTART},
		{"poison=dump", true, 1, NULL, SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_DUMP},
		{"poison=observe", true, 1, NULL, SV_VERDICT_STOP, SV_ENDING_OBSERVED, SV_ACTION_OBSERVE},
		{NULL, true, 1, "sea:1=stop", SV_VERDICT_STOP, SV_ENDING_STOPPED, SV_ACTION_STOP},
		{"emulate", true, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
		{"ignore", false, 1, NULL, SV_VERDICT_RESUME, SV_ENDING_INJECTED, SV_ACTION_INJECT},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sv_report *report = &bench.vcpu.session.report;
		struct sv_ras_answer answer = {.sighting = SV_RAS_NEW};
		struct sv_rule reached;
		struct sv_rule_error why;
		char name[80];

		snprintf(name, sizeof(name), "%s, %s", cases[i].rule ? cases[i].rule : "no rule",
			 cases[i].threshold ? cases[i].threshold : "no threshold");
		setup(cases[i].rule);
		write_ram(CODE, 4, NOP);
		if (cases[i].threshold) {
			sv_rule_parse(cases[i].threshold, strlen(cases[i].threshold), &reached, &why);
			answer.rule = &reached;
		}
		if (cases[i].host) {
			bench.kernel.run.exit_reason = SV_KVM_EXIT_MEMORY_FAULT;
			bench.kernel.run.memory_fault.gpa = DATA;
		} else {
			sea(cases[i].address_known ? D : D | FnV, cases[i].address_known, DATA, DATA);
		}
		check(name, exit_once(cases[i].host ? -EHWPOISON : 0, &answer) == cases[i].verdict);
		check(name, report->ending == cases[i].ending && report->action == cases[i].action);
		check(name, report->cause == (cases[i].host ? SV_CAUSE_POISON : SV_CAUSE_SEA));
		check(name, report->rule && *report->rule->text);
		if (cases[i].ending == SV_ENDING_OBSERVED)
			check(name, report->would == SV_ENDING_INJECTED &&
					    bench.kernel.serrors == !cases[i].host && !bench.kernel.sets);
		else if (cases[i].ending == SV_ENDING_STOPPED)
			check(name, !bench.kernel.serrors && !bench.kernel.dabts && !bench.kernel.sets);
	}
}

/* Where the page of the guest's data, of its code, or of the code's table is bad, as the host tells. */
static void failures(void **state)
{
	static const struct {
		const char *name;
		int rc;
		uint32_t reason;
		uint64_t flags, gpa;
		uint64_t x0, poisoned;
		bool ours;
		unsigned valid;
		uint64_t gva, record_gpa;
		enum road road;
		uint64_t esr_el1, far_el1;
	} cases[] = {
		{"data", -EHWPOISON, 39, 0, DATA, DATA + 8, 0, true, GPA, 0, DATA, KERNEL},
		{"data, EFAULT", -EFAULT, 39, 0, DATA, DATA + 8, 0, true, GPA, 0, DATA, KERNEL},
		{"to be converted", -EFAULT, 39, 8, DATA, DATA + 8, 0, false},
		{"EFAULT and no more", -EFAULT, 0, 0, DATA, DATA + 8, 0, false},
		{"ENOSYS", -ENOSYS, 39, 0, DATA, DATA + 8, 0, false},
		{"code", -EHWPOISON, 39, 0, CODE, DATA + 8, CODE, true, GPA, 0, CODE, REGISTERS, 0x86000010,
		 CODE},
		{"code, not known to be bad", -EHWPOISON, 39, 0, CODE, DATA + 8, 0, true, GPA, 0, CODE,
		 REGISTERS, 0x86000010, CODE},
		{"elsewhere", -EHWPOISON, 39, 0, TABLES, DATA + 8, 0, true, GPA, 0, TABLES, KERNEL},
		{"no address, data", -EHWPOISON, 0, 0, 0, DATA + 8, 0, true, GPA | GVA | INFERRED, DATA + 8,
		 DATA + 8, KERNEL},
		{"no address, data in two pages", -EHWPOISON, 0, 0, 0, HOLE, 0, true, 0, 0, 0, KERNEL},
		{"no address, code", -EHWPOISON, 0, 0, 0, DATA + 8, CODE, true, GVA | INFERRED, CODE, 0,
		 REGISTERS, 0x86000010, CODE},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		struct sv_poison *poison = sv_poison_new(4);

		setup(NULL);
		*reg_of(&bench.kernel, X(0)) = cases[i].x0;
		bench.kernel.run.exit_reason = cases[i].reason;
		bench.kernel.run.memory_fault.flags = cases[i].flags;
		bench.kernel.run.memory_fault.gpa = cases[i].gpa;
		bench.kernel.run_result = cases[i].rc;
		bench.vcpu.poison = poison;
		if (cases[i].poisoned)
			sv_poison_add(poison, cases[i].poisoned);
		if (!cases[i].ours) {
			sv_kvm_run(&bench.vcpu);
			check(name, !sv_kvm_error(&bench.vcpu, cases[i].rc, &bench.space, &bench.error));
		} else {
			check(name, exit_once(cases[i].rc, NULL) == SV_VERDICT_RESUME);
			is_record(name, cases[i].valid, cases[i].gva, cases[i].record_gpa);
			check(name, bench.error.failed && bench.error.aborted && !bench.error.foreign);
			check(name, bench.error.record.source ==
					    (cases[i].reason ? SV_RAS_MEMORY_FAULT : SV_RAS_HWPOISON));
			check(name, road_taken() == cases[i].road);
			check(name, cases[i].road != REGISTERS ||
					    (*reg_of(&bench.kernel, ESR) == cases[i].esr_el1 &&
					     *reg_of(&bench.kernel, FAR) == cases[i].far_el1));
		}
		sv_poison_free(poison);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits),    cmocka_unit_test(walks),    cmocka_unit_test(others),
		cmocka_unit_test(policies), cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
