/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors on a kernel that a table scripts: from everything that reports them to a record and to the
 * guest's abort. Signals are real ones, sent by this process to its own threads: for those the kernel takes
 * any si_code.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <salvage/kvm.h>
#include <salvage/syndrome.h>

#include "kvm/uapi.h"
#include "support/check.h"

#define ID(op1, crn, crm, op2) SV_KVM_SYSREG(UINT64_C(3), op1, crn, crm, op2)
#define PC                     SV_KVM_CORE(SV_KVM_CORE_PC)
#define PSTATE                 SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define ELR                    SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define X(n)                   SV_KVM_CORE(8 * (n))
#define SCTLR                  ID(0, 1, 0, 0)
#define TCR                    ID(0, 2, 0, 2)
#define TTBR0                  ID(0, 2, 0, 0)
#define ESR                    ID(0, 5, 2, 0)
#define FAR                    ID(0, 6, 0, 0)
#define VBAR                   ID(0, 12, 0, 0)
#define PFR0                   ID(0, 0, 4, 0)

#define PAGE      4096
#define RAM_BASE  UINT64_C(0x40000000)
#define RAM_PAGES 16
#define CODE      RAM_BASE
#define DATA      (RAM_BASE + 3 * PAGE)
#define TABLES    (RAM_BASE + 5 * PAGE)
#define VECTORS   (RAM_BASE + 8 * PAGE)
#define HOLE      UINT64_C(0x0b000000)

#define LDR  0xf9400001 /* ldr x1, [x0] */
#define STR  0xf9000001 /* str x1, [x0] */
#define LDP  0xa9400801 /* ldp x1, x2, [x0] */
#define NOP  0xd503201f
#define EL1h 0x3c5
#define EL0  0

struct kernel {
	struct {
		uint64_t id, value;
	} regs[64];
	unsigned reg_count;
	unsigned dabts, serrors, sets;
	int refuses_events, fails_set;
	int run_result;
	/* What happens in KVM_RUN. */
	void (*in_run)(void);
	struct sv_kvm_run run;
};

static uint64_t *reg_of(struct kernel *kernel, uint64_t id)
{
	for (unsigned i = 0; i < kernel->reg_count; i++)
		if (kernel->regs[i].id == id)
			return &kernel->regs[i].value;
	assert_true(kernel->reg_count < COUNT(kernel->regs));
	kernel->regs[kernel->reg_count].id = id;
	return &kernel->regs[kernel->reg_count++].value;
}

static int kernel_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = opaque;
	struct sv_kvm_one_reg *reg = argument;
	const struct sv_kvm_vcpu_events *events = argument;

	switch (request) {
	case SV_KVM_GET_ONE_REG:
		*(uint64_t *)(uintptr_t)reg->addr = *reg_of(kernel, reg->id);
		return 0;
	case SV_KVM_SET_ONE_REG:
		if (kernel->fails_set)
			return kernel->fails_set;
		kernel->sets++;
		*reg_of(kernel, reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		return 0;
	case SV_KVM_SET_VCPU_EVENTS:
		if (kernel->refuses_events)
			return kernel->refuses_events;
		kernel->dabts += events->exception.ext_dabt_pending;
		kernel->serrors += events->exception.serror_pending;
		assert_int_equal(events->exception.ext_iabt_pending, 0);
		return 0;
	case SV_KVM_RUN:
		if (kernel->in_run)
			kernel->in_run();
		return kernel->run_result;
	}
	fail_msg("unexpected request %lx", request);
	return -ENOTTY;
}

static struct bench {
	struct kernel kernel;
	struct sv_kvm_backend backend;
	struct sv_kvm_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	struct sv_rule rules[4];
	struct sv_policy policy;
	char *ram;
} bench;

static void write_ram(uint64_t gpa, unsigned size, uint64_t value)
{
	memcpy(bench.ram + (gpa - RAM_BASE), &value, size);
}

static void setup(const char *rule)
{
	static char *ram;

	if (!ram)
		ram = mmap(NULL, RAM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	memset(&bench, 0, sizeof(bench));
	memset(ram, 0, RAM_PAGES * PAGE);
	bench.ram = ram;
	bench.backend = (struct sv_kvm_backend){kernel_ioctl, &bench.kernel};
	*reg_of(&bench.kernel, PFR0) = UINT64_C(1) << 28;
	assert_int_equal(sv_kvm_vcpu_init(&bench.vcpu, &bench.backend, 33,
					  (struct kvm_run *)&bench.kernel.run, 0),
			 SV_OK);
	bench.vcpu.index = 5;
	sv_space_init(&bench.space, bench.regions, COUNT(bench.regions));
	sv_space_add(&bench.space, &(struct sv_region){.first = RAM_BASE,
						       .last = RAM_BASE + RAM_PAGES * PAGE - 1,
						       .kind = SV_REGION_RAM,
						       .name = "RAM",
						       .host = ram});
	sv_space_add(&bench.space, &(struct sv_region){.first = 0x1000,
						       .last = 0x1fff,
						       .kind = SV_REGION_RAM,
						       .name = "not mapped here"});
	bench.policy = (struct sv_policy){bench.rules, COUNT(bench.rules), 0};
	if (rule) {
		struct sv_rule_error why;
		struct sv_rule parsed;

		assert_int_equal(sv_rule_parse(rule, strlen(rule), &parsed, &why), SV_OK);
		assert_int_equal(sv_policy_add(&bench.policy, &parsed, NULL), SV_OK);
	}
	*reg_of(&bench.kernel, PC) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
	*reg_of(&bench.kernel, SCTLR) = 0x30d00800;
	*reg_of(&bench.kernel, VBAR) = VECTORS;
	*reg_of(&bench.kernel, X(0)) = DATA + 8;
	*reg_of(&bench.kernel, FAR) = 0xfafa;
	write_ram(CODE, 4, LDR);
}

static void sea(uint64_t esr, uint64_t flags, uint64_t gva, uint64_t gpa)
{
	bench.kernel.run.exit_reason = SV_KVM_EXIT_ARM_SEA;
	bench.kernel.run.arm_sea.esr = esr;
	bench.kernel.run.arm_sea.flags = flags;
	bench.kernel.run.arm_sea.gva = gva;
	bench.kernel.run.arm_sea.gpa = gpa;
}

static struct sv_kvm_error error;

/* One exit with one error. */
static enum sv_verdict exit_once(int rc, const struct sv_ras_answer *answer)
{
	enum sv_verdict verdict;

	bench.kernel.run_result = rc;
	assert_int_equal(sv_kvm_run(&bench.vcpu), rc);
	assert_true(sv_kvm_error(&bench.vcpu, rc, &bench.space, &error));
	assert_int_equal(bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors, 0);
	verdict = sv_kvm_answer(&bench.vcpu, &bench.policy, &error, answer);
	assert_false(sv_kvm_error(&bench.vcpu, rc, &bench.space, &(struct sv_kvm_error){0}));
	return verdict;
}

enum road { KERNEL, REGISTERS, SERROR };

static enum road road_taken(void)
{
	assert_int_equal(bench.kernel.dabts + bench.kernel.serrors + (bench.kernel.sets != 0), 1);
	return bench.kernel.dabts ? KERNEL : bench.kernel.serrors ? SERROR : REGISTERS;
}

#define GPA      SV_RAS_GPA
#define GVA      SV_RAS_GVA
#define HVA      SV_RAS_HVA
#define INFERRED SV_RAS_INFERRED
#define FnV      0x400
#define WnR      0x40
#define D        UINT64_C(0x92000010) /* data abort, lower EL */
#define I        UINT64_C(0x82000010) /* instruction abort, lower EL */

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

static void is_record(const char *name, unsigned valid, uint64_t gva, uint64_t gpa)
{
	const struct sv_memory_error *record = &error.record;

	check(name, record->valid == (valid | SV_RAS_PC));
	check(name, !(valid & GVA) || record->gva == gva);
	check(name, !(valid & GPA) || record->gpa == gpa);
	check(name, record->pc == CODE && record->vcpu == 5);
	check(name, bench.vcpu.session.report.no_ipa == !(valid & GPA));
}

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
		check(name, error.record.source == (fetch ? SV_RAS_SEA_INSN : SV_RAS_SEA_DATA));
		check(name,
		      error.record.esr == seas[i].esr && error.aborted && !error.failed && !error.foreign);
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
	assert_int_equal(error.record.valid, SV_RAS_ESR | SV_RAS_PC | GPA | GVA | INFERRED);
	assert_int_equal(error.record.gpa, TABLES + PAGE + 8 * 7);
	assert_int_equal(error.record.gva, 0x7008);
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
		assert_false(error.readable);
	}
	setup(NULL);
	sea(UINT64_C(0x5a000000), 1, DATA, DATA);
	sv_kvm_run(&bench.vcpu);
	assert_false(sv_kvm_error(&bench.vcpu, 0, &bench.space, &error));
	/* Left over from an exit before. */
	setup(NULL);
	sea(D, 1, DATA, DATA);
	for (int rc = -1; rc > -200; rc--) {
		bench.kernel.run_result = rc;
		sv_kvm_run(&bench.vcpu);
		assert_int_equal(sv_kvm_error(&bench.vcpu, rc, &bench.space, &error), rc == -EHWPOISON);
	}
	/* A guest without FEAT_RAS has no SET. */
	setup(NULL);
	*reg_of(&bench.kernel, PFR0) = 0;
	sea(D | WnR | 0x1000, 1, DATA, DATA);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_RESUME);
	assert_int_equal(road_taken(), REGISTERS);
	assert_int_equal(*reg_of(&bench.kernel, ESR), 0x96000050);
	assert_int_equal(error.injection.set, 0);
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
			check(name, !sv_kvm_error(&bench.vcpu, cases[i].rc, &bench.space, &error));
		} else {
			check(name, exit_once(cases[i].rc, NULL) == SV_VERDICT_RESUME);
			is_record(name, cases[i].valid, cases[i].gva, cases[i].record_gpa);
			check(name, error.failed && error.aborted && !error.foreign);
			check(name, error.record.source ==
					    (cases[i].reason ? SV_RAS_MEMORY_FAULT : SV_RAS_HWPOISON));
			check(name, road_taken() == cases[i].road);
			check(name, cases[i].road != REGISTERS ||
					    (*reg_of(&bench.kernel, ESR) == cases[i].esr_el1 &&
					     *reg_of(&bench.kernel, FAR) == cases[i].far_el1));
		}
		sv_poison_free(poison);
	}
}

static siginfo_t to_send[8];
static unsigned to_send_count;

static void send_one(const siginfo_t *info)
{
	siginfo_t copy = *info;

	assert_int_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGBUS, &copy), 0);
}

static void send_all(void)
{
	for (unsigned i = 0; i < to_send_count; i++)
		send_one(&to_send[i]);
}

static siginfo_t bus(int code, void *address, int lsb)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = code};

	info.si_addr = address;
	info.si_addr_lsb = (short)lsb;
	return info;
}

static atomic_uint handled;
static atomic_int handled_code;

static void on_bus(int number, siginfo_t *info, void *context)
{
	handled++;
	handled_code = info->si_code;
}

static void watch(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	struct sv_memory_error record;

	handled = 0;
	sigaction(SIGBUS, &action, NULL);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	while (sv_kvm_warning(NULL, &record))
		;
}

static void *host_of(uint64_t gpa)
{
	return bench.ram + (gpa - RAM_BASE);
}

/* SIGBUS in KVM_RUN. */
static void consumed(void **state)
{
	static const struct {
		const char *name;
		uint64_t gpa;
		int lsb, rc;
		enum sv_ending ending;
		enum road road;
		bool fetch, has_va;
	} cases[] = {
		{"data", DATA, 12, -EINTR, SV_ENDING_INJECTED, KERNEL, false, true},
		{"data, no size", DATA, 0, -EINTR, SV_ENDING_INJECTED, KERNEL, false, true},
		{"data, not the instruction's", TABLES, 12, -EINTR, SV_ENDING_INJECTED, KERNEL, false, false},
		{"code", CODE, 12, -EINTR, SV_ENDING_INJECTED, REGISTERS, true, false},
		{"huge", DATA, 30, -EINTR, SV_ENDING_INJECTED, REGISTERS, true, false},
		{"and KVM_RUN went on to another exit", DATA, 12, 0, SV_ENDING_RETRIED, KERNEL, false, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		const struct sv_report *report = &bench.vcpu.session.report;

		setup(NULL);
		watch();
		bench.kernel.in_run = send_all;
		to_send[0] = bus(BUS_MCEERR_AR, host_of(cases[i].gpa), cases[i].lsb);
		to_send_count = 1;
		bench.kernel.run.exit_reason = cases[i].rc ? SV_KVM_EXIT_INTR : SV_KVM_EXIT_MMIO;
		check(name, exit_once(cases[i].rc, NULL) == SV_VERDICT_RESUME);
		check(name, handled == 0 && bench.vcpu.notes_lost == 0);
		is_record(name, HVA | GPA, 0, cases[i].gpa);
		check(name, error.record.hva == (uintptr_t)host_of(cases[i].gpa));
		check(name, error.record.source == SV_RAS_SIGBUS_AR && !error.foreign && !error.failed);
		check(name, report->ending == cases[i].ending && report->cause == SV_CAUSE_POISON);
		check(name, report->has_va == cases[i].has_va);
		check(name, bench.vcpu.at_abort == (cases[i].rc == -EINTR));
		if (cases[i].ending != SV_ENDING_INJECTED) {
			check(name, !bench.kernel.dabts && !bench.kernel.sets && !bench.kernel.serrors);
			continue;
		}
		check(name, road_taken() == cases[i].road);
		if (cases[i].fetch) {
			check(name, *reg_of(&bench.kernel, ESR) == 0x86000010);
			check(name, *reg_of(&bench.kernel, FAR) == CODE);
		}
		/* What is noted is told once, and the next exit begins anew. */
		bench.kernel.in_run = NULL;
		sv_kvm_run(&bench.vcpu);
		check(name, !sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &error) && !bench.vcpu.at_abort);
	}
	/* Not the guest's memory. */
	setup(NULL);
	watch();
	bench.kernel.in_run = send_all;
	to_send[0] = bus(BUS_MCEERR_AR, &bench, 12);
	assert_int_equal(exit_once(-EINTR, NULL), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_FOREIGN);
	assert_true(error.foreign);
	assert_int_equal(error.record.valid, HVA | SV_RAS_PC);
}

/* Several in one KVM_RUN: each is recorded, one is answered, and those that find no room are counted. */
static void several(void **state)
{
	unsigned told = 0, injected = 0;

	setup(NULL);
	watch();
	bench.kernel.in_run = send_all;
	bench.kernel.run.exit_reason = SV_KVM_EXIT_INTR;
	bench.kernel.run_result = -EINTR;
	to_send_count = SV_KVM_NOTES + 2;
	for (unsigned i = 0; i < to_send_count; i++)
		to_send[i] = bus(BUS_MCEERR_AR, host_of(DATA + i * PAGE), 12);
	sv_kvm_run(&bench.vcpu);
	while (sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &error)) {
		assert_int_equal(error.record.gpa, DATA + told * PAGE);
		assert_int_equal(sv_kvm_answer(&bench.vcpu, &bench.policy, &error, NULL), SV_VERDICT_RESUME);
		injected += bench.vcpu.session.report.ending == SV_ENDING_INJECTED;
		told++;
	}
	assert_int_equal(told, SV_KVM_NOTES);
	assert_int_equal(injected, 1);
	assert_int_equal(bench.kernel.dabts, 1);
	assert_int_equal(bench.vcpu.notes_lost, 2);
}

/* SIGBUS that is not the guest's: whoever handled it before does so still. */
static void not_ours(void **state)
{
	struct sv_memory_error record;

	setup(NULL);
	watch();
	send_one(&(siginfo_t){.si_signo = SIGBUS, .si_code = BUS_ADRERR});
	assert_int_equal(handled, 1);
	siginfo_t required = bus(BUS_MCEERR_AR, host_of(DATA), 12);
	send_one(&required);
	assert_int_equal(handled, 2);
	assert_int_equal(handled_code, BUS_MCEERR_AR);
	raise(SIGBUS);
	assert_int_equal(handled, 3);
	assert_int_equal(handled_code, SI_TKILL);
	assert_false(sv_kvm_warning(NULL, &record));

	/* In KVM_RUN too. */
	bench.kernel.in_run = send_all;
	bench.kernel.run_result = -EINTR;
	to_send[0] = bus(BUS_ADRERR, host_of(DATA), 12);
	to_send[1] = bus(SI_QUEUE, host_of(DATA), 12);
	to_send_count = 2;
	sv_kvm_run(&bench.vcpu);
	assert_int_equal(handled, 5);
	assert_false(sv_kvm_error(&bench.vcpu, -EINTR, &bench.space, &error));
}

static void *warned_thread(void *page)
{
	siginfo_t info = bus(BUS_MCEERR_AO, page, 12);

	send_one(&info);
	return NULL;
}

static struct sigaction replaced;
static volatile unsigned chained;

static void chaining(int number, siginfo_t *info, void *context)
{
	chained++;
	replaced.sa_sigaction(number, info, context);
}

/* BUS_MCEERR_AO: kept, and given to the handler that was there. */
static void warned(void **state)
{
	struct sigaction action = {.sa_sigaction = chaining, .sa_flags = SA_SIGINFO};
	struct sv_memory_error record;
	siginfo_t info;
	uint64_t lost = sv_kvm_warnings_lost();
	pthread_t thread;
	unsigned told = 0;

	setup(NULL);
	watch();
	info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
	send_one(&info);
	assert_int_equal(handled, 1);
	assert_int_equal(handled_code, BUS_MCEERR_AO);
	pthread_create(&thread, NULL, warned_thread, host_of(TABLES + 0x123));
	pthread_join(thread, NULL);
	info = bus(BUS_MCEERR_AO, &bench, 12);
	send_one(&info);
	assert_int_equal(handled, 3);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_int_equal(record.source, SV_RAS_SIGBUS_AO);
	assert_int_equal(record.valid, GPA | HVA);
	assert_int_equal(record.vcpu, SV_RAS_NO_VCPU);
	assert_int_equal(record.gpa, DATA);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_int_equal(record.gpa, TABLES + 0x123);
	/* Another VM's, or nobody's: it waits for who asks for any. */
	assert_false(sv_kvm_warning(&bench.space, &record));
	assert_true(sv_kvm_warning(NULL, &record));
	assert_int_equal(record.valid, HVA);
	assert_int_equal(record.hva, (uintptr_t)&bench);
	assert_false(sv_kvm_warning(NULL, &record));

	for (unsigned i = 0; i < 70; i++) {
		info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
		send_one(&info);
	}
	while (sv_kvm_warning(&bench.space, &record))
		told++;
	assert_int_equal(told, 64);
	assert_int_equal(sv_kvm_warnings_lost() - lost, 6);

	/* Kept once, whoever calls whom. */
	sigaction(SIGBUS, &action, &replaced);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	info = bus(BUS_MCEERR_AO, host_of(DATA), 12);
	send_one(&info);
	assert_int_equal(chained, 1);
	assert_true(sv_kvm_warning(&bench.space, &record));
	assert_false(sv_kvm_warning(&bench.space, &record));

	/* With nobody there it ends here; the process lives. */
	signal(SIGBUS, SIG_DFL);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	send_one(&info);
	assert_true(sv_kvm_warning(&bench.space, &record));
}

struct hammer {
	struct sv_kvm_vcpu vcpu;
	struct kernel kernel;
	struct sv_kvm_backend backend;
	unsigned index, told;
};

static int hammer_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct hammer *hammer = opaque;

	if (request == SV_KVM_RUN) {
		siginfo_t required = bus(BUS_MCEERR_AR, host_of(RAM_BASE + hammer->index * PAGE), 12);
		siginfo_t optional = bus(BUS_MCEERR_AO, host_of(DATA), 12);

		send_one(&required);
		send_one(&optional);
		return -EINTR;
	}
	return kernel_ioctl(&hammer->kernel, fd, request, argument);
}

static void *hammering(void *opaque)
{
	struct hammer *hammer = opaque;
	struct sv_kvm_error own;

	for (unsigned i = 0; i < 2000; i++) {
		int rc = sv_kvm_run(&hammer->vcpu);

		while (sv_kvm_error(&hammer->vcpu, rc, &bench.space, &own))
			hammer->told += own.record.gpa == RAM_BASE + hammer->index * PAGE;
	}
	return NULL;
}

/* Threads hear of their own errors only, and no warning is told twice or made up. */
static void threads(void **state)
{
	static struct hammer hammers[4];
	pthread_t thread[COUNT(hammers)];
	uint64_t lost = sv_kvm_warnings_lost(), told = 0;
	struct sv_memory_error record;

	setup(NULL);
	watch();
	for (unsigned i = 0; i < COUNT(hammers); i++) {
		hammers[i].index = i;
		hammers[i].backend = (struct sv_kvm_backend){hammer_ioctl, &hammers[i]};
		assert_int_equal(sv_kvm_vcpu_init(&hammers[i].vcpu, &hammers[i].backend, 33,
						  (struct kvm_run *)&hammers[i].kernel.run, 0),
				 SV_OK);
	}
	for (unsigned i = 0; i < COUNT(hammers); i++)
		pthread_create(&thread[i], NULL, hammering, &hammers[i]);
	for (unsigned i = 0; i < COUNT(hammers); i++) {
		while (pthread_tryjoin_np(thread[i], NULL))
			while (sv_kvm_warning(&bench.space, &record)) {
				assert_int_equal(record.gpa, DATA);
				told++;
			}
		assert_int_equal(hammers[i].told, 2000);
		assert_int_equal(hammers[i].vcpu.notes_lost, 0);
	}
	while (sv_kvm_warning(NULL, &record))
		told++;
	assert_int_equal(told + sv_kvm_warnings_lost() - lost, 2000 * COUNT(hammers));
}

/* Guests that have nothing to take the abort with. */
static void vectors(void **state)
{
	static const struct {
		const char *name;
		uint64_t vbar, esr, gpa, poisoned;
		bool mmu, good;
	} cases[] = {
		{"good", VECTORS, D, DATA, 0, false, true},
		{"RES0 bits are left out", VECTORS | 0x7ff, D, DATA, 0, false, true},
		{"never set", 0, D, DATA, 0, false, false},
		{"a hole", HOLE, D, DATA, 0, false, false},
		{"above memory", RAM_BASE + RAM_PAGES * PAGE, D, DATA, 0, false, false},
		{"last page", RAM_BASE + (RAM_PAGES - 1) * PAGE, D, DATA, 0, false, true},
		{"the bad page itself", VECTORS, D, VECTORS, 0, false, false},
		{"the bad page itself, fetched", VECTORS, I, VECTORS, 0, false, false},
		{"a page that is known to be bad", VECTORS, D, DATA, VECTORS, false, false},
		{"another is known to be bad", VECTORS, D, DATA, TABLES, false, true},
		{"not mapped", VECTORS, D, DATA, 0, true, false},
		{"mapped", 0x1000, D, DATA, 0, true, true},
		{"mapped to nothing", 0x2000, D, DATA, 0, true, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		const struct sv_report *report = &bench.vcpu.session.report;
		struct sv_poison *poison = sv_poison_new(4);

		setup(NULL);
		*reg_of(&bench.kernel, VBAR) = cases[i].vbar;
		bench.vcpu.poison = poison;
		if (cases[i].poisoned)
			sv_poison_add(poison, cases[i].poisoned);
		if (cases[i].mmu) {
			write_ram(TABLES, 8, (TABLES + PAGE) | 3);
			write_ram(TABLES + PAGE + 8, 8, VECTORS | 0x403);
			write_ram(TABLES + PAGE + 16, 8, HOLE | 0x403);
			*reg_of(&bench.kernel, TTBR0) = TABLES;
			*reg_of(&bench.kernel, TCR) = 34 | UINT64_C(5) << 32;
			*reg_of(&bench.kernel, SCTLR) |= 1;
		}
		sea(cases[i].esr, 1, cases[i].gpa, cases[i].gpa);
		check(name, exit_once(0, NULL) == (cases[i].good ? SV_VERDICT_RESUME : SV_VERDICT_STOP));
		if (!cases[i].good) {
			check(name,
			      report->reason == SV_REASON_VECTORS && report->ending == SV_ENDING_STOPPED);
			check(name, !bench.kernel.sets && !bench.kernel.dabts && !bench.kernel.serrors);
			check(name, !strcmp(report->rule->text, "guest's vectors"));
		}
		sv_poison_free(poison);
	}
}

/*
 * Guests as functions: where the n-th error finds them. Returns how many errors it took until the verdict was
 * STOP, or limit.
 */
static unsigned until_stop(void (*guest)(unsigned n), bool recorded, unsigned limit)
{
	struct sv_ras_opening opening;
	struct sv_ras *ras = NULL;
	unsigned n;

	setup(NULL);
	if (recorded)
		assert_int_equal(sv_ras_open(&(struct sv_ras_config){.vm = "guest", .max_pages = 64}, &ras,
					     &opening),
				 SV_OK);
	for (n = 1; n <= limit; n++) {
		struct sv_ras_answer answer;

		sea(D | WnR, 1, DATA, DATA);
		guest(n - 1);
		sv_kvm_run(&bench.vcpu);
		assert_true(sv_kvm_error(&bench.vcpu, 0, &bench.space, &error));
		if (ras)
			assert_int_equal(sv_ras_record(ras, &error.record, &answer), SV_OK);
		if (sv_kvm_answer(&bench.vcpu, NULL, &error, ras ? &answer : NULL) == SV_VERDICT_STOP) {
			assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_NESTED);
			assert_string_equal(bench.vcpu.session.report.rule->text, "nested aborts");
			break;
		}
		assert_int_equal(bench.vcpu.session.report.ending, SV_ENDING_INJECTED);
		/* By registers, so that the guest is at its vector now. */
		assert_int_equal(*reg_of(&bench.kernel, PC) & ~UINT64_C(0x7ff), VECTORS);
	}
	sv_ras_close(ras);
	return n;
}

/* The handler's first instruction that touches memory meets the bad page. */
static void in_handler(unsigned n)
{
	*reg_of(&bench.kernel, PC) = n ? VECTORS + 0x204 : CODE;
}

/* The handler of the abort in the handler is another place. */
static void in_two_handlers(unsigned n)
{
	*reg_of(&bench.kernel, PC) = VECTORS + 0x204 + 0x10 * (n % 2);
}

/* It returns to where it was, and nothing has changed. */
static void returns_in_vain(unsigned n)
{
	*reg_of(&bench.kernel, PC) = *reg_of(&bench.kernel, ELR) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
}

/* The access is left out, and comes again. */
static void skips(unsigned n)
{
	*reg_of(&bench.kernel, PC) = CODE;
	if (n)
		*reg_of(&bench.kernel, ELR) = CODE + 4;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
}

/* A process that catches SIGBUS and does it again. */
static void process(unsigned n)
{
	*reg_of(&bench.kernel, PC) = *reg_of(&bench.kernel, ELR) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL0;
}

/* A kernel that looks for bad pages and returns to the same load, each time on another page. */
static void scrubber(unsigned n)
{
	returns_in_vain(n);
	sea(D | WnR, 1, DATA, RAM_BASE + (RAM_PAGES + n % 48) * PAGE);
	if (n >= 48) /* by now it has seen all of them, and leaves them out */
		*reg_of(&bench.kernel, ELR) = CODE + 4;
}

/* Nested a little less often than would stop it, then fine, over and over. */
static void almost(unsigned n)
{
	if (n % SV_KVM_NESTED_LIMIT)
		in_handler(n);
	else
		skips(n);
}

static void nested(void **state)
{
	static const struct {
		const char *name;
		void (*guest)(unsigned n);
		bool stops;
	} guests[] = {
		{"in its handler", in_handler, true},
		{"in two handlers", in_two_handlers, true},
		{"returns in vain", returns_in_vain, true},
		{"skips", skips, false},
		{"process", process, false},
		{"almost", almost, false},
	};

	for (size_t i = 0; i < COUNT(guests); i++)
		for (unsigned recorded = 0; recorded < 2; recorded++) {
			unsigned stopped = until_stop(guests[i].guest, recorded, 1000);

			check(guests[i].name,
			      guests[i].stops ? stopped == SV_KVM_NESTED_LIMIT + 1 : stopped == 1001);
		}
	/* Every page is new once only. */
	assert_int_equal(until_stop(scrubber, true, 1000), 1001);

	/* The vector itself: its page is inferred, and it is the vectors'. */
	setup(NULL);
	*reg_of(&bench.kernel, PC) = VECTORS + 0x200;
	sea(I | FnV, 0, 0, 0);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_VECTORS);
}

/*
 * Nothing spins and nothing is changed before it is decided, whatever a kernel and a guest come up with: one
 * call, one error, one of the endings.
 */
static void anything(void **state)
{
	static const int results[] = {0, -EINTR, -EFAULT, -EHWPOISON, -EAGAIN};
	static const uint32_t words[] = {LDR, STR, LDP, NOP, 0x19010440, 0xd50b7420, 0xffffffff};
	static const char *const rules[] = {NULL, "sea=stop", "poison=stop", "observe", "restart"};
	uint64_t seed = 20261120;
	unsigned endings[SV_ENDING_COUNT] = {0};

	for (unsigned i = 0; i < 50000; i++) {
		int rc = results[random_next(&seed) % COUNT(results)];
		unsigned told = 0;
		uint64_t bits = random_next(&seed);
		struct sv_memory_error record;

		setup(rules[random_next(&seed) % COUNT(rules)]);
		if (!i)
			watch();
		write_ram(CODE, 4, words[random_next(&seed) % COUNT(words)]);
		*reg_of(&bench.kernel, X(0)) =
			bits & 1 ? random_next(&seed) : DATA + random_next(&seed) % (2 * PAGE);
		*reg_of(&bench.kernel, PSTATE) = bits & 2 ? EL1h : bits & 4 ? EL0 : random_next(&seed);
		*reg_of(&bench.kernel, VBAR) = bits & 8 ? VECTORS : random_next(&seed);
		*reg_of(&bench.kernel, SCTLR) = bits & 0x10 ? random_next(&seed) : 0;
		*reg_of(&bench.kernel, TCR) = random_next(&seed);
		*reg_of(&bench.kernel, TTBR0) = bits & 0x20 ? TABLES : random_next(&seed);
		bench.kernel.refuses_events = bits & 0x700 ? 0 : -EINVAL;
		bench.kernel.fails_set = bits & 0x3800 ? 0 : -EINVAL;
		bench.vcpu.cpu.flags = bits & 0xc000 ? 0 : random_next(&seed) & 3;
		bench.kernel.in_run = bits & 0x10000 ? send_all : NULL;
		to_send_count = random_next(&seed) % 3;
		for (unsigned n = 0; n < to_send_count; n++)
			to_send[n] = bus(random_next(&seed) & 1 ? BUS_MCEERR_AR : BUS_MCEERR_AO,
					 bits & 0x20000 ? host_of(RAM_BASE + random_next(&seed) % (20 * PAGE))
							: (void *)(uintptr_t)random_next(&seed),
					 (int)(random_next(&seed) % 70));
		sea((bits & 0x40000 ? D : I) ^ (random_next(&seed) & 0x1fff), random_next(&seed) & 3,
		    random_next(&seed), random_next(&seed));
		if (bits & 0x80000)
			bench.kernel.run.exit_reason = SV_KVM_EXIT_MEMORY_FAULT;
		bench.kernel.run_result = rc;
		sv_kvm_run(&bench.vcpu);
		while (sv_kvm_error(&bench.vcpu, rc, &bench.space, &error)) {
			unsigned sets = bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors;
			enum sv_verdict verdict;
			struct sv_report *report = &bench.vcpu.session.report;
			char text[512];

			assert_true(told++ <= SV_KVM_NOTES);
			verdict = sv_kvm_answer(&bench.vcpu, &bench.policy, &error, NULL);
			assert_true(verdict == SV_VERDICT_RESUME || verdict == SV_VERDICT_STOP);
			assert_true(report->rule || report->ending == SV_ENDING_STOPPED);
			assert_true(report->ending != SV_ENDING_RETRIED ||
				    sets == bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors);
			assert_true(sv_report_text(report, &bench.space, text, sizeof(text)) < sizeof(text));
			endings[report->ending]++;
			assert_int_equal(sv_session_next(&bench.vcpu.session), verdict);
		}
		while (sv_kvm_warning(NULL, &record))
			;
	}
	assert_true(endings[SV_ENDING_INJECTED] && endings[SV_ENDING_STOPPED] &&
		    endings[SV_ENDING_OBSERVED] && endings[SV_ENDING_RETRIED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits),    cmocka_unit_test(walks),    cmocka_unit_test(others),
		cmocka_unit_test(policies), cmocka_unit_test(failures), cmocka_unit_test(consumed),
		cmocka_unit_test(several),  cmocka_unit_test(not_ours), cmocka_unit_test(warned),
		cmocka_unit_test(threads),  cmocka_unit_test(vectors),  cmocka_unit_test(nested),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
