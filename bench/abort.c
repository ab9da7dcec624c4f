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
static const struct abort_case {
	uint32_t word;
	unsigned needed;
} cases[] = {
	{0xf8408401, 3 + 2}, {0xb8004401, 3 + 2}, {0x38c01c01, 3 + 2}, {0xa9400801, 3 + 2},
	{0x29000801, 3 + 2}, {0xa8810801, 4 + 2}, {0x69c10801, 4 + 2}, {0x3cc10401, 3 + 2},
	{0xad000801, 3 + 2}, {0x4c400001, 5 + 2}, {0xb8210002, 3 + 2},
};

struct machine {
	struct memory_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	struct sv_insn insn;
	struct sv_abort abort;
	uint8_t ram[RAM_SIZE];
};

static void setup(struct machine *machine, uint32_t word)
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
	machine->abort.fault_ipa =
		DEVICE + (machine->insn.row->mode == SV_MODE_POST ? 0 : (uint64_t)machine->insn.imm);
}

/* Returns false if the abort did not complete: a figure for something else would be a lie. */
static bool resolve(struct machine *machine)
{
	struct sv_session session;

	machine->vcpu.regs[SV_X0] = DEVICE;
	machine->vcpu.regs[SV_PC] = RAM_BASE;
	sv_session_begin(&session, &machine->vcpu.cpu, &machine->space, NULL, &machine->abort);
	while (sv_session_next(&session) == SV_VERDICT_ACCESS)
		;
	return session.report.ending == SV_ENDING_COMPLETED;
}

int bench_abort(void)
{
	enum { ROUNDS = 7, ABORTS = 50000 };
	struct machine *machine = malloc(sizeof(*machine));

	if (!machine)
		return bench_fail("abort", "out of memory");
	printf("%-46s %-10s %7s %12s %10s %7s %6s\n", "one abort, in memory", "class", "ns", "allocations",
	       "KVM calls", "needed", "extra");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double ns[ROUNDS];
		uint64_t allocations;
		unsigned calls;
		char text[64];

		setup(machine, cases[i].word);
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
		printf("%-46s %-10s %7.1f %12llu %10u %7u %6u\n", text,
		       sv_class_name(machine->insn.row->iclass), bench_median(ns, ROUNDS),
		       (unsigned long long)(bench_allocations() - allocations), calls, cases[i].needed,
		       calls - cases[i].needed);
	}
	free(machine);
	return 0;
}
