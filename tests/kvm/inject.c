/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Injection on a kernel that a table scripts: which road, which requests in which order, and what is left
 * when one of them fails.
 */
#include <errno.h>

#include <salvage/kvm.h>

#include "kvm/uapi.h"
#include "support/check.h"

#define VCPU_FD 33

#define ID(op1, crn, crm, op2) SV_KVM_SYSREG(UINT64_C(3), op1, crn, crm, op2)
#define PC                     SV_KVM_CORE(SV_KVM_CORE_PC)
#define PSTATE                 SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define ELR                    SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define SPSR                   SV_KVM_CORE(SV_KVM_CORE_SPSR_EL1)
#define SCTLR                  ID(0, 1, 0, 0)
#define SCTLR2                 ID(0, 1, 0, 3)
#define GCSCR                  ID(0, 2, 5, 0)
#define ESR                    ID(0, 5, 2, 0)
#define FAR                    ID(0, 6, 0, 0)
#define VBAR                   ID(0, 12, 0, 0)
#define PFR0                   ID(0, 0, 4, 0)
#define PFR1                   ID(0, 0, 4, 1)
#define DFR1                   ID(0, 0, 5, 1)
#define MMFR1                  ID(0, 0, 7, 1)

struct kernel {
	struct {
		uint64_t id, value;
	} regs[64];
	unsigned reg_count;
	unsigned gets, sets, events, runs; /* requests that succeeded */
	uint64_t written[16];              /* ids, in order */
	int fail_get, fail_set;            /* the n-th fails, counted from 0; -1: none */
	int fail_set_too;                  /* a second one */
	int get_attempts, set_attempts;
	bool iabt, ras; /* what this kernel takes */
	int refuses;    /* every KVM_SET_VCPU_EVENTS fails with this */
	int run_result;
	uint8_t immediate_exit; /* as KVM_RUN found it */
	struct sv_kvm_vcpu_events seen;
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

/* The checks of arch/arm64/kvm/guest.c, with the proposed extension where the kernel has it. */
static int set_events(struct kernel *kernel, const struct sv_kvm_vcpu_events *events)
{
	if (kernel->refuses)
		return kernel->refuses;
	for (size_t i = 0; i < sizeof(events->exception.pad); i++)
		if (events->exception.pad[i])
			return -EINVAL;
	for (size_t i = 0; i < COUNT(events->reserved); i++)
		if (events->reserved[i])
			return -EINVAL;
	if (events->exception.ext_iabt_pending && (!kernel->iabt || events->exception.ext_dabt_pending))
		return -EINVAL;
	if (events->exception.serror_pending && events->exception.serror_has_esr &&
	    (!kernel->ras || events->exception.serror_esr & ~UINT64_C(0x1ffffff)))
		return -EINVAL;
	kernel->seen = *events;
	kernel->events++;
	return 0;
}

static int kernel_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = opaque;
	struct sv_kvm_one_reg *reg = argument;
	int n;

	assert_int_equal(fd, VCPU_FD);
	switch (request) {
	case SV_KVM_GET_ONE_REG:
		if (kernel->get_attempts++ == kernel->fail_get)
			return -ENOENT;
		kernel->gets++;
		*(uint64_t *)(uintptr_t)reg->addr = *reg_of(kernel, reg->id);
		return 0;
	case SV_KVM_SET_ONE_REG:
		n = kernel->set_attempts++;
		if (n == kernel->fail_set || n == kernel->fail_set_too)
			return -EINVAL;
		assert_true(kernel->sets < COUNT(kernel->written));
		kernel->written[kernel->sets++] = reg->id;
		*reg_of(kernel, reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		return 0;
	case SV_KVM_SET_VCPU_EVENTS:
		return set_events(kernel, argument);
	case SV_KVM_RUN:
		kernel->runs++;
		kernel->immediate_exit = kernel->run.immediate_exit;
		return kernel->run_result;
	}
	fail_msg("unexpected request %lx", request);
	return -ENOTTY;
}

struct bench {
	struct kernel kernel;
	struct sv_kvm_backend backend;
	struct sv_kvm_vcpu vcpu;
};

/* What the vCPU was doing: EL1t, C and Z, about to abort. */
static const struct {
	uint64_t id, value;
} initial[] = {
	{PC, 0x40000000},   {PSTATE, 0x600003c4},
	{ELR, 0xe1a},       {SPSR, 0x5b5a},
	{ESR, 0xe5a},       {FAR, 0xfaa},
	{SCTLR, 1 << 23},   {VBAR, 0xffff80001000},
	{SCTLR2, 0},        {GCSCR, 0},
	{PFR0, 1ull << 28}, {PFR1, 0},
	{MMFR1, 0},         {DFR1, 0},
};

static void setup(struct bench *bench, uint32_t exit_reason)
{
	memset(bench, 0, sizeof(*bench));
	bench->backend = (struct sv_kvm_backend){kernel_ioctl, &bench->kernel};
	bench->kernel.fail_get = bench->kernel.fail_set = bench->kernel.fail_set_too = -1;
	bench->kernel.ras = true;
	bench->kernel.run_result = -EINTR;
	assert_int_equal(sv_kvm_vcpu_init(&bench->vcpu, &bench->backend, VCPU_FD,
					  (struct kvm_run *)&bench->kernel.run, 0),
			 SV_OK);
	for (size_t i = 0; i < COUNT(initial); i++)
		*reg_of(&bench->kernel, initial[i].id) = initial[i].value;
	bench->kernel.run.exit_reason = exit_reason;
	bench->kernel.gets = bench->kernel.sets = 0;
	bench->kernel.get_attempts = bench->kernel.set_attempts = 0;
}

static bool unchanged(struct bench *bench)
{
	for (size_t i = 0; i < COUNT(initial); i++)
		if (*reg_of(&bench->kernel, initial[i].id) != initial[i].value)
			return false;
	return true;
}

enum road { KERNEL, REGISTERS, NONE };

#define DATA        SV_EXCEPTION_DATA_EXTERNAL
#define INSTRUCTION SV_EXCEPTION_INSTRUCTION_EXTERNAL
#define DATA1       SV_EXCEPTION_DATA_STAGE1
#define FETCH1      SV_EXCEPTION_INSTRUCTION_STAGE1
#define ALIGNMENT   SV_EXCEPTION_ALIGNMENT
#define ATOMIC      SV_EXCEPTION_UNSUPPORTED_ATOMIC
#define SERROR      SV_EXCEPTION_SERROR

#define MMIO    SV_KVM_EXIT_MMIO
#define NISV    SV_KVM_EXIT_ARM_NISV
#define SEA     SV_KVM_EXIT_ARM_SEA
#define LDST64B SV_KVM_EXIT_ARM_LDST64B
#define INTR    SV_KVM_EXIT_INTR

/* Every exit, every kind: the road, and the syndrome where it is ours. The SEA exits are at VA 0x5ea. */
static const struct {
	const char *name;
	uint32_t exit;
	struct sv_injection injection;
	enum road road;
	uint64_t esr;
	bool iabt;    /* the kernel has it, and the embedder says so */
	bool sea_fnv; /* the exit has no address */
} roads[] = {
	{"hole", MMIO, {DATA, 0x10}, KERNEL},
	{"hole, write", MMIO, {DATA, 0x10, .write = true}, KERNEL},
	{"hole, an address is asked for", MMIO, {DATA, 0x10, .va = 0x5ea, .va_exact = true}, NONE},
	{"hole, FnV", MMIO, {DATA, 0x10, .fnv = true}, NONE},
	{"hole, SET", MMIO, {DATA, 0x10, .set = 2}, NONE},
	{"hole, on a walk", MMIO, {DATA, 0x14}, NONE},
	{"hole, fetch", MMIO, {INSTRUCTION, 0x10, .va_exact = true}, NONE},
	{"hole, stage 1", MMIO, {DATA1, 0x07, .va_exact = true}, NONE},
	{"hole, fetch, stage 1", MMIO, {FETCH1, 0x07, .va_exact = true}, NONE},
	{"hole, alignment", MMIO, {ALIGNMENT, 0x21, .va_exact = true}, NONE},
	{"hole, atomic", MMIO, {ATOMIC, 0x35, .va_exact = true}, NONE},
	{"hole, SError", MMIO, {SERROR}, KERNEL},

	{"nisv", NISV, {DATA, 0x10}, KERNEL},
	{"nisv, write: the kernel says read", NISV, {DATA, 0x10, .write = true, .va = 1}, KERNEL},
	{"nisv, exact", NISV, {DATA, 0x10, .va = 0x77, .va_exact = true}, REGISTERS, 0x96000010},
	{"nisv, exact, address 0", NISV, {DATA, 0x10, .va_exact = true}, REGISTERS, 0x96000010},
	{"nisv, exact, write",
	 NISV,
	 {DATA, 0x10, .write = true, .va = 0x77, .va_exact = true},
	 REGISTERS,
	 0x96000050},
	{"nisv, exact, maintenance",
	 NISV,
	 {DATA, 0x10, .cm = true, .va = 0x77, .va_exact = true},
	 REGISTERS,
	 0x96000150},
	{"nisv, FnV", NISV, {DATA, 0x10, .fnv = true, .va = 0x77}, REGISTERS, 0x96000410},
	{"nisv, SET", NISV, {DATA, 0x10, .set = 3, .va = 0x77, .va_exact = true}, REGISTERS, 0x96001810},
	{"nisv, SET without address", NISV, {DATA, 0x10, .set = 3, .va = 0x77}, NONE},
	{"nisv, walk", NISV, {DATA, 0x17, .va = 0x77, .va_exact = true}, REGISTERS, 0x96000017},
	{"nisv, walk without address", NISV, {DATA, 0x17, .va = 0x77}, NONE},
	{"nisv, fetch", NISV, {INSTRUCTION, 0x10, .va = 0x77, .va_exact = true}, REGISTERS, 0x86000010},
	{"nisv, fetch without address", NISV, {INSTRUCTION, 0x10, .va = 0x77}, NONE},
	{"nisv, stage 1", NISV, {DATA1, 0x06, .va = 0x77, .va_exact = true}, REGISTERS, 0x96000006},
	{"nisv, fetch, stage 1", NISV, {FETCH1, 0x0f, .va = 0x77, .va_exact = true}, REGISTERS, 0x8600000f},
	{"nisv, alignment", NISV, {ALIGNMENT, 0x21, .va = 0x77, .va_exact = true}, REGISTERS, 0x96000021},
	{"nisv, atomic",
	 NISV,
	 {ATOMIC, 0x35, .write = true, .va = 0x77, .va_exact = true},
	 REGISTERS,
	 0x96000075},
	{"nisv, SError", NISV, {SERROR}, KERNEL},
	{"nisv, SError with ISS", NISV, {SERROR, .has_iss = true, .iss = 0x11}, KERNEL},
	{"ldst64b", LDST64B, {DATA, 0x10}, KERNEL},

	{"sea", SEA, {DATA, 0x10}, KERNEL},
	{"sea, its own address", SEA, {DATA, 0x10, .va = 0x5ea, .va_exact = true}, KERNEL},
	{"sea, its own address, but a write",
	 SEA,
	 {DATA, 0x10, .write = true, .va = 0x5ea, .va_exact = true},
	 REGISTERS,
	 0x96000050},
	{"sea, its own address, but maintenance",
	 SEA,
	 {DATA, 0x10, .cm = true, .va = 0x5ea, .va_exact = true},
	 REGISTERS,
	 0x96000150},
	{"sea, another address", SEA, {DATA, 0x10, .va = 0x5eb, .va_exact = true}, REGISTERS, 0x96000010},
	{"sea without address, one is known",
	 SEA,
	 {DATA, 0x10, .va = 0x5ea, .va_exact = true},
	 REGISTERS,
	 0x96000010,
	 .sea_fnv = true},
	{"sea, FnV", SEA, {DATA, 0x10, .fnv = true}, REGISTERS, 0x96000410, .sea_fnv = true},
	{"sea, fetch", SEA, {INSTRUCTION, 0x10, .va = 0x5ea, .va_exact = true}, REGISTERS, 0x86000010},
	{"sea, fetch, the kernel can",
	 SEA,
	 {INSTRUCTION, 0x10, .va = 0x5ea, .va_exact = true},
	 KERNEL,
	 .iabt = true},
	{"sea, fetch, the kernel can", SEA, {INSTRUCTION, 0x10}, KERNEL, .iabt = true},
	{"sea, fetch, the kernel cannot say FnV",
	 SEA,
	 {INSTRUCTION, 0x10, .fnv = true},
	 REGISTERS,
	 0x86000410,
	 .iabt = true},
	{"sea, stage 1 of a fetch is no external abort",
	 SEA,
	 {FETCH1, 0x07, .va = 0x5ea, .va_exact = true},
	 REGISTERS,
	 0x86000007,
	 .iabt = true},
	{"data, where the kernel can do fetches", NISV, {DATA, 0x10}, KERNEL, .iabt = true},

	/* The kernel's FAR is of who knows which abort. */
	{"no abort", INTR, {DATA, 0x10}, NONE},
	{"no abort, exact", INTR, {DATA, 0x10, .va = 0x77, .va_exact = true}, REGISTERS, 0x96000010},
	{"no abort, FnV", INTR, {DATA, 0x10, .fnv = true}, REGISTERS, 0x96000410},
	{"no abort, fetch, the kernel can", INTR, {INSTRUCTION, 0x10}, NONE, .iabt = true},
	{"no abort, SError", INTR, {SERROR}, KERNEL},
};

static void which_road(void **state)
{
	for (size_t i = 0; i < COUNT(roads); i++) {
		const struct sv_injection *injection = &roads[i].injection;
		struct bench bench;
		struct kernel *kernel = &bench.kernel;

		setup(&bench, roads[i].exit);
		kernel->iabt = bench.vcpu.ext_iabt = roads[i].iabt;
		kernel->run.arm_sea.gva = roads[i].exit == SEA ? 0x5ea : 0;
		kernel->run.arm_sea.esr = roads[i].sea_fnv ? 1 << 10 : 0;
		check(roads[i].name, sv_kvm_inject(&bench.vcpu, injection) ==
					     (roads[i].road == NONE ? SV_UNSUPPORTED : SV_OK));
		check(roads[i].name, kernel->events == (roads[i].road == KERNEL));
		check(roads[i].name, kernel->sets == (roads[i].road == REGISTERS ? 6 : 0));
		check(roads[i].name, kernel->runs == 0);
		/* An access that the abort answers must not be completed any more; by an SError it is. */
		check(roads[i].name,
		      kernel->run.exit_reason ==
			      (roads[i].exit == MMIO && roads[i].road == KERNEL && injection->kind != SERROR
				       ? INTR
				       : roads[i].exit));
		if (roads[i].road != REGISTERS) {
			check(roads[i].name, unchanged(&bench));
			/* The kernel's road costs one request. */
			check(roads[i].name, kernel->gets == 0);
		} else {
			check(roads[i].name, *reg_of(kernel, ESR) == roads[i].esr);
			check(roads[i].name, *reg_of(kernel, FAR) == (injection->fnv ? 0 : injection->va));
			check(roads[i].name, *reg_of(kernel, ELR) == 0x40000000);
			check(roads[i].name, *reg_of(kernel, SPSR) == 0x600003c4);
			check(roads[i].name, *reg_of(kernel, PSTATE) == 0x600003c5);
			check(roads[i].name, *reg_of(kernel, PC) == 0xffff80001000);
			check(roads[i].name, kernel->written[5] == PC);
		}
		if (roads[i].road != KERNEL)
			continue;
		check(roads[i].name, kernel->seen.exception.ext_dabt_pending == (injection->kind == DATA));
		check(roads[i].name,
		      kernel->seen.exception.ext_iabt_pending == (injection->kind == INSTRUCTION));
		check(roads[i].name, kernel->seen.exception.serror_pending == (injection->kind == SERROR));
		check(roads[i].name, kernel->seen.exception.serror_has_esr == injection->has_iss);
		check(roads[i].name, kernel->seen.exception.serror_esr == injection->iss);
	}
}

/* What contradicts itself never reaches the kernel. */
static void malformed(void **state)
{
	static const struct sv_injection injections[] = {
		{SV_EXCEPTION_COUNT, 0x10},
		{DATA, 0x07},
		{DATA, 0x10, .fnv = true, .va_exact = true},
		{INSTRUCTION, 0x10, .write = true},
		{SERROR, .has_iss = true, .iss = 1 << 25},
		{SERROR, .iss = 1},
		{ATOMIC, 0x35},
	};

	for (size_t i = 0; i < COUNT(injections); i++) {
		struct bench bench;

		setup(&bench, NISV);
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &injections[i]), SV_MALFORMED);
		assert_int_equal(bench.kernel.get_attempts + bench.kernel.set_attempts + bench.kernel.runs,
				 0);
		assert_int_equal(bench.kernel.events, 0);
		assert_true(unchanged(&bench));
	}
}

/* A kernel that refuses: nothing else is tried, nothing changes. */
static void refused(void **state)
{
	static const struct {
		struct sv_injection injection;
		uint32_t exit;
		int refuses;
		bool claimed; /* the embedder says ext_iabt of a kernel that lacks it */
	} cases[] = {
		{{DATA, 0x10}, NISV, -EINVAL},
		{{DATA, 0x10}, NISV, -EPERM},
		{{DATA, 0x10}, MMIO, -EINVAL},
		{{SERROR}, NISV, -EINVAL},
		{{SERROR, .has_iss = true, .iss = 1}, NISV}, /* no RAS */
		{{INSTRUCTION, 0x10}, NISV, .claimed = true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;

		setup(&bench, NISV);
		bench.kernel.ras = false;
		bench.kernel.refuses = cases[i].refuses;
		bench.vcpu.ext_iabt = cases[i].claimed;
		bench.kernel.run.exit_reason = cases[i].exit;
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &cases[i].injection), SV_UNSUPPORTED);
		assert_int_equal(bench.kernel.run.exit_reason, cases[i].exit);
		assert_int_equal(bench.kernel.events, 0);
		assert_true(unchanged(&bench));
	}
}

/* The scripted kernel is as strict as the proposed one: both at once, or mainline's padding, is refused. */
static void the_kernel_itself(void **state)
{
	struct sv_kvm_vcpu_events both = {.exception = {.ext_dabt_pending = 1, .ext_iabt_pending = 1}};
	struct sv_kvm_vcpu_events fetch = {.exception.ext_iabt_pending = 1};
	struct kernel kernel = {.iabt = true};

	assert_int_equal(set_events(&kernel, &both), -EINVAL);
	assert_int_equal(set_events(&kernel, &fetch), 0);
	kernel.iabt = false;
	assert_int_equal(set_events(&kernel, &fetch), -EINVAL);
	fetch.exception.pad[0] = 1;
	assert_int_equal(set_events(&kernel, &fetch), -EINVAL);
}

static const struct sv_injection exact = {DATA, 0x10, .va = 0x77, .va_exact = true};

/* The n-th read fails: nothing has been written. */
static void read_fails(void **state)
{
	struct bench bench;
	unsigned reads;

	setup(&bench, NISV);
	assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), SV_OK);
	reads = bench.kernel.gets;
	for (unsigned n = 0; n <= reads; n++) {
		setup(&bench, NISV);
		bench.kernel.fail_get = (int)n;
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), n < reads ? SV_UNSUPPORTED : SV_OK);
		if (n < reads) {
			assert_int_equal(bench.kernel.set_attempts, 0);
			assert_true(unchanged(&bench));
		}
	}
}

/* The n-th write fails: what was written before it is put back, in the opposite order. */
static void write_fails(void **state)
{
	struct bench bench;

	for (unsigned n = 0; n < 6; n++) {
		setup(&bench, NISV);
		bench.kernel.fail_set = (int)n;
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), SV_UNSUPPORTED);
		assert_int_equal(bench.kernel.sets, 2 * n);
		assert_true(unchanged(&bench));
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(bench.kernel.written[i], bench.kernel.written[2 * n - 1 - i]);
	}
}

/* It fails, and so does putting back: that is another answer, and all others are put back. */
static void undo_fails(void **state)
{
	struct bench bench;

	for (unsigned n = 1; n < 6; n++)
		for (unsigned back = 0; back < n; back++) {
			unsigned differ = 0;

			setup(&bench, NISV);
			bench.kernel.fail_set = (int)n;
			bench.kernel.fail_set_too = (int)(n + 1 + back);
			assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), SV_REGISTER);
			for (size_t i = 0; i < COUNT(initial); i++)
				differ += *reg_of(&bench.kernel, initial[i].id) != initial[i].value;
			assert_int_equal(differ, 1);
		}
}

/* What the ID registers say reaches exception entry, and each is read once. */
static void features(void **state)
{
	static const struct {
		const char *name;
		uint64_t id, value;              /* of an ID register */
		uint64_t control, control_value; /* of a register that the feature brings, or 0 */
		uint64_t sctlr, pstate, pc;      /* in; out */
	} cases[] = {
		{"none", PFR1, 0, 0, 0, 0, 0x3c5, 0x1200},
		{"PAN", MMFR1, 1 << 20, 0, 0, 0, 0x4003c5, 0x1200},
		{"PAN 3", MMFR1, 3 << 20, 0, 0, 0, 0x4003c5, 0x1200},
		{"not PAN", MMFR1, ~(15ull << 20), 0, 0, 0, 0x3c5, 0x1200},
		{"SSBS", PFR1, 2 << 4, 0, 0, 1ull << 44 | 1 << 23, 0x13c5, 0x1200},
		{"MTE", PFR1, 2 << 8, 0, 0, 0, 0x20003c5, 0x1200},
		{"NMI", PFR1, 1ull << 36, 0, 0, 0, 0x23c5, 0x1200},
		{"EBEP", DFR1, 1ull << 48, 0, 0, 0, 0x1000003c5, 0x1200},
		{"GCS", PFR1, 1ull << 44, GCSCR, 1 << 6, 0, 0x4000003c5, 0x1200},
		{"GCS off", PFR1, 1ull << 44, GCSCR, 0, 0, 0x3c5, 0x1200},
		{"GCSCR_EL1 without GCS", PFR1, 0, GCSCR, 1 << 6, 0, 0x3c5, 0x1200},
		{"EASE", PFR1, 1ull << 56, SCTLR2, 1 << 5, 0, 0x3c5, 0x1380},
		{"no EASE", PFR1, 1ull << 56, SCTLR2, 1 << 2, 0, 0x3c5, 0x1200},
		{"SCTLR2_EL1 without DF2", PFR1, 0, SCTLR2, 1 << 5, 0, 0x3c5, 0x1200},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;
		unsigned gets;

		setup(&bench, NISV);
		*reg_of(&bench.kernel, VBAR) = 0x1000;
		*reg_of(&bench.kernel, PSTATE) = 0x5;
		*reg_of(&bench.kernel, SCTLR) = cases[i].sctlr;
		*reg_of(&bench.kernel, cases[i].id) = cases[i].value;
		if (cases[i].control)
			*reg_of(&bench.kernel, cases[i].control) = cases[i].control_value;
		check(cases[i].name, sv_kvm_inject(&bench.vcpu, &exact) == SV_OK);
		if (*reg_of(&bench.kernel, PSTATE) != cases[i].pstate)
			fail_msg("%s: PSTATE %llx", cases[i].name,
				 (unsigned long long)*reg_of(&bench.kernel, PSTATE));
		check(cases[i].name, *reg_of(&bench.kernel, PC) == cases[i].pc);
		gets = bench.kernel.gets;
		bench.kernel.sets = bench.kernel.gets = 0;
		check(cases[i].name, sv_kvm_inject(&bench.vcpu, &exact) == SV_OK);
		check(cases[i].name, bench.kernel.gets < gets);
	}
}

/* SET without RAS, and levels that are not ours. */
static void guests_that_are_refused(void **state)
{
	static const struct sv_injection set = {DATA, 0x10, .set = 2, .va = 1, .va_exact = true};
	static const uint64_t modes[] = {0x8, 0x9, 0xd, 0x10};
	struct bench bench;

	setup(&bench, NISV);
	*reg_of(&bench.kernel, PFR0) = 0;
	assert_int_equal(sv_kvm_inject(&bench.vcpu, &set), SV_UNSUPPORTED);
	assert_int_equal(bench.kernel.sets, 0);
	for (size_t i = 0; i < COUNT(modes); i++) {
		setup(&bench, NISV);
		*reg_of(&bench.kernel, PSTATE) = modes[i];
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), SV_UNSUPPORTED);
		assert_int_equal(bench.kernel.sets, 0);
	}
	for (unsigned flag = SV_CPU_PROTECTED; flag <= SV_CPU_EL2; flag <<= 1) {
		static const struct sv_injection plain = {DATA, 0x10};

		setup(&bench, NISV);
		bench.vcpu.cpu.flags = flag;
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &exact), SV_UNSUPPORTED);
		assert_int_equal(bench.kernel.get_attempts + bench.kernel.set_attempts, 0);
		assert_int_equal(sv_kvm_inject(&bench.vcpu, &plain), SV_OK);
		assert_int_equal(bench.kernel.events, 1);
	}
}

/* One KVM_RUN that runs no guest code; the embedder's own immediate_exit is as it was. */
static void settle(void **state)
{
	static const struct {
		int result;
		enum sv_status status;
	} cases[] = {{-EINTR, SV_OK}, {-EFAULT, SV_UNSUPPORTED}, {0, SV_UNSUPPORTED}};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (uint8_t immediate_exit = 0; immediate_exit < 2; immediate_exit++) {
			struct bench bench;

			setup(&bench, MMIO);
			bench.kernel.run_result = cases[i].result;
			bench.kernel.run.immediate_exit = immediate_exit;
			assert_int_equal(sv_kvm_settle(&bench.vcpu), cases[i].status);
			assert_int_equal(bench.kernel.runs, 1);
			assert_int_equal(bench.kernel.immediate_exit, 1);
			assert_int_equal(bench.kernel.run.immediate_exit, immediate_exit);
			/* Nothing was injected here: what is to be completed is KVM's to complete. */
			assert_int_equal(bench.kernel.run.exit_reason, MMIO);
		}
}

/*
 * What a session asks for: the kernel's word where the byte in the way is the one that aborted, registers
 * where it is another one of the same instruction.
 */
static void sessions(void **state)
{
	static uint32_t code[1] = {0xa9000801}; /* stp x1, x2, [x0] */
	static const struct {
		const char *name;
		uint64_t window; /* 8 bytes that take the first element, or 0: a hole */
		uint64_t esr, far;
	} cases[] = {
		{"both in a hole", 0, 0xe5a, 0xfaa},
		{"the first in a device, the second in a hole", 0x0a000000, 0x96000050, 0x0a000008},
		{"the first in a hole, the second in a device", 0x0a000008, 0xe5a, 0xfaa},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_region regions[4];
		struct sv_space space;
		struct bench bench;

		setup(&bench, NISV);
		sv_space_init(&space, regions, COUNT(regions));
		sv_space_add(&space, &(struct sv_region){.first = 0x40000000,
							 .last = 0x40000003,
							 .kind = SV_REGION_RAM,
							 .name = "ram",
							 .host = code});
		if (cases[i].window)
			sv_space_add(&space, &(struct sv_region){.first = cases[i].window,
								 .last = cases[i].window + 7,
								 .kind = SV_REGION_WINDOW,
								 .name = "device",
								 .sizes = SV_SIZES_ANY});
		*reg_of(&bench.kernel, SV_KVM_CORE(0)) = 0x0a000000;
		*reg_of(&bench.kernel, PSTATE) = 0x3c5;
		bench.kernel.run.arm_nisv.esr_iss = 0x46;
		bench.kernel.run.arm_nisv.fault_ipa = 0x0a000000;
		assert_true(sv_kvm_begin(&bench.vcpu, &space, NULL));
		check(cases[i].name, sv_session_next(&bench.vcpu.session) == SV_VERDICT_RESUME);
		check(cases[i].name, bench.vcpu.session.report.ending == SV_ENDING_INJECTED);
		check(cases[i].name, *reg_of(&bench.kernel, ESR) == cases[i].esr);
		check(cases[i].name, *reg_of(&bench.kernel, FAR) == cases[i].far);
		check(cases[i].name, bench.kernel.events == (cases[i].far == 0xfaa));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_road),
		cmocka_unit_test(malformed),
		cmocka_unit_test(refused),
		cmocka_unit_test(the_kernel_itself),
		cmocka_unit_test(read_fails),
		cmocka_unit_test(write_fails),
		cmocka_unit_test(undo_fails),
		cmocka_unit_test(features),
		cmocka_unit_test(guests_that_are_refused),
		cmocka_unit_test(settle),
		cmocka_unit_test(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
