/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One resolved abort against a vCPU in memory, by instruction: time, heap allocations, and the register calls
 * that it would cost under KVM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/abort.h>

#include "bench.h"
#include "support/memory-vcpu.h"

#define DEVICE UINT64_C(0x0a000000)

/* The syndrome of a translation fault at level 2, for a read and for a write. */
#define READ  0x06
#define WRITE 0x46

/*
 * All with x0 as base; needed counts the register calls for the instruction's operands and the PC, in and
 * out.
 */
enum where {
	PHYSICAL, /* MMU off */
	MAPPED,   /* MMU on, three levels, one page */
	PAGES,    /* across two pages of the device */
	HALF,     /* half in memory, half in the device */
};

static const char *const where_text[] = {"MMU off", "mapped", "two pages", "half memory"};

static const struct abort_case {
	uint32_t word;
	unsigned needed;
	enum where where;
} cases[] = {
	{0xf8408401, 3 + 2, PHYSICAL}, {0xb8004401, 3 + 2, PHYSICAL}, {0x38c01c01, 3 + 2, PHYSICAL},
	{0xa9400801, 3 + 2, PHYSICAL}, {0x29000801, 3 + 2, PHYSICAL}, {0xa8810801, 4 + 2, PHYSICAL},
	{0x69c10801, 4 + 2, PHYSICAL}, {0x3cc10401, 3 + 2, PHYSICAL}, {0xad000801, 3 + 2, PHYSICAL},
	{0x4c400001, 5 + 2, PHYSICAL}, {0xb8210002, 3 + 2, PHYSICAL}, {0xf8408401, 3 + 2, MAPPED},
	{0xa9400801, 3 + 2, MAPPED},   {0xa9400801, 3 + 2, PAGES},    {0xa9000801, 3 + 2, PAGES},
	{0xa9400801, 3 + 2, HALF},     {0xa9000801, 3 + 2, HALF},     {0xd50b7420, 2 + 2, MAPPED},
	{0x8540c001, 4 + 2, MAPPED},   {0xa540a001, 4 + 2, MAPPED},   {0x19c10440, 5 + 1, MAPPED},
};

struct machine {
	struct memory_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	struct sv_insn insn;
	struct sv_abort abort;
	uint64_t pc, x0;
	uint8_t ram[RAM_SIZE];
};

/*
 * Pages of 4 KiB, 39-bit addresses: code at 0, the device at 1 MiB, two of its pages and memory beside it
 * above.
 */
#define LEVEL1    (RAM_BASE + 0x1000)
#define LEVEL2    (RAM_BASE + 0x2000)
#define LEVEL3    (RAM_BASE + 0x3000)
#define DEVICE_VA 0x100000
#define PAGES_VA  0x110000
#define HALF_VA   0x120000

static void map(struct machine *machine)
{
	/* Access flag, EL1's, MAIR attribute 0: Normal memory, as a frame buffer would be. */
	static const struct {
		uint64_t va, ipa;
	} pages[] = {{0, RAM_BASE},
		     {DEVICE_VA, DEVICE},
		     {PAGES_VA, DEVICE + 0x3000},
		     {PAGES_VA + 0x1000, DEVICE + 0x1000},
		     {HALF_VA, RAM_BASE},
		     {HALF_VA + 0x1000, DEVICE}};
	struct memory_vcpu *vcpu = &machine->vcpu;

	memory_write(vcpu, LEVEL1, 8, LEVEL2 | 3);
	memory_write(vcpu, LEVEL2, 8, LEVEL3 | 3);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		memory_write(vcpu, LEVEL3 + (pages[i].va >> 12) * 8, 8, pages[i].ipa | 0x403);
	vcpu->regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
	vcpu->regs[SV_TCR_EL1] = 25 | UINT64_C(1) << 23 | UINT64_C(5) << 32;
	vcpu->regs[SV_TTBR0_EL1] = LEVEL1;
	vcpu->regs[SV_MAIR_EL1] = 0xff;
}

static void aim(struct machine *machine, enum where where)
{
	static const struct {
		uint64_t x0, ipa;
	} places[] = {
		[PHYSICAL] = {DEVICE, DEVICE},
		[MAPPED] = {DEVICE_VA, DEVICE},
		[PAGES] = {PAGES_VA + 0xff8, DEVICE + 0x3ff8},
		[HALF] = {HALF_VA + 0xff8, DEVICE},
	};

	machine->pc = where == PHYSICAL ? RAM_BASE : 0;
	machine->x0 = places[where].x0;
	machine->abort.fault_ipa = places[where].ipa;
	if (where != PHYSICAL)
		map(machine);
	if (where != HALF && machine->insn.row->mode != SV_MODE_POST && machine->insn.imm)
		machine->abort.fault_ipa += (uint64_t)machine->insn.imm;
}

static void setup(struct machine *machine, uint32_t word, enum where where)
{
	memset(machine, 0, sizeof(*machine));
	memory_vcpu_init(&machine->vcpu, machine->ram);
	sv_space_init(&machine->space, machine->regions, 4);
	sv_space_add(&machine->space, &(struct sv_region){.first = RAM_BASE,
							  .last = RAM_BASE + RAM_SIZE - 1,
							  .kind = SV_REGION_RAM,
							  .name = "ram",
							  .host = machine->ram});
	sv_space_add(&machine->space, &(struct sv_region){.first = DEVICE,
							  .last = DEVICE + 0xffff,
							  .kind = SV_REGION_WINDOW,
							  .name = "device",
							  .sizes = SV_SIZES_ANY,
							  .atomics = true});
	memory_write(&machine->vcpu, RAM_BASE, 4, word);
	sv_decode(SV_A64, word, &machine->insn);
	machine->abort.esr_iss = machine->insn.row->flags & SV_ROW_STORE ? WRITE : READ;
	machine->vcpu.vector = 16;
	memset(machine->vcpu.p, 0xff, sizeof(machine->vcpu.p));
	aim(machine, where);
}

/* Returns false if the abort did not complete: a figure for something else would be a lie. */
static bool resolve(struct machine *machine)
{
	struct sv_session session;

	machine->vcpu.regs[SV_X0] = machine->x0;
	machine->vcpu.regs[SV_X0 + 2] = 64;
	machine->vcpu.regs[SV_PC] = machine->pc;
	sv_session_begin(&session, &machine->vcpu.cpu, &machine->space, NULL, &machine->abort);
	while (sv_session_next(&session) == SV_VERDICT_ACCESS)
		;
	return session.report.ending == SV_ENDING_COMPLETED;
}

/* What a fetch and a walk read of system registers: each once. */
static bool print_reads(const struct machine *machine)
{
	static const struct {
		enum sv_reg reg;
		const char *name;
	} names[] = {{SV_PC, "PC"},
		     {SV_PSTATE, "PSTATE"},
		     {SV_SCTLR_EL1, "SCTLR_EL1"},
		     {SV_TCR_EL1, "TCR_EL1"},
		     {SV_TTBR0_EL1, "TTBR0_EL1"},
		     {SV_TTBR1_EL1, "TTBR1_EL1"},
		     {SV_MAIR_EL1, "MAIR_EL1"}};

	printf("\nread by an abort with the MMU on, besides operands:");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (machine->vcpu.got[names[i].reg] > 1)
			return false;
		if (machine->vcpu.got[names[i].reg])
			printf(" %s", names[i].name);
	}
	printf("; memory: %u loads\n", machine->vcpu.loads);
	return true;
}

int bench_abort(void)
{
	enum { ROUNDS = 7, ABORTS = 50000 };
	struct machine *machine = malloc(sizeof(*machine));

	if (!machine)
		return bench_fail("abort", "out of memory");
	printf("%-46s %-10s %-11s %7s %12s %10s %7s %6s\n", "one abort, in memory", "class", "where", "ns",
	       "allocations", "KVM calls", "needed", "extra");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double ns[ROUNDS];
		uint64_t allocations;
		unsigned calls;
		char text[64];

		setup(machine, cases[i].word, cases[i].where);
		sv_insn_format(&machine->insn, 0, text, sizeof(text));
		if (!resolve(machine)) {
			free(machine);
			return bench_fail("abort", text);
		}
		calls = machine->vcpu.gets + machine->vcpu.sets;
		allocations = bench_allocations();
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint64_t start = bench_now();

			for (unsigned n = 0; n < ABORTS; n++)
				resolve(machine);
			ns[round] = (double)(bench_now() - start) / ABORTS;
		}
		printf("%-46s %-10s %-11s %7.1f %12llu %10u %7u %6u\n", text,
		       sv_class_name(machine->insn.row->iclass), where_text[cases[i].where],
		       bench_median(ns, ROUNDS), (unsigned long long)(bench_allocations() - allocations),
		       calls, cases[i].needed, calls - cases[i].needed);
	}
	setup(machine, 0xa9400801, PAGES);
	bool once = resolve(machine) && print_reads(machine);

	free(machine);
	return once ? 0 : bench_fail("abort", "a system register was read twice");
}
