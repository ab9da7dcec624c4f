/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One resolved abort against a vCPU in memory, by class of instruction: time, heap allocations, and the
 * register calls that it would cost under KVM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/abort.h>

#include "bench.h"
#include "support/memory-vcpu.h"

#define DEVICE 0x0a000000
#define READ   0x06
#define WRITE  0x46

struct abort_case {
	const char *name;
	uint32_t word;
	uint64_t iss;
	unsigned needed; /* register calls for the instruction's operands and the PC, in and out */
};

static const struct abort_case cases[] = {
	{"ldr x1, [x0], #8", 0xf8408401, READ, 3 + 2},
	{"str w1, [x0], #4", 0xb8004401, WRITE, 3 + 2},
	{"ldrsb w1, [x0, #1]!", 0x38c01c01, READ, 3 + 2},
	{"ldp x1, x2, [x0]", 0xa9400801, READ, 3 + 2},
	{"stp w1, w2, [x0]", 0x29000801, WRITE, 3 + 2},
	{"stp x1, x2, [x0], #16", 0xa8810801, WRITE, 4 + 2},
	{"ldpsw x1, x2, [x0, #8]!", 0x69c10801, READ, 4 + 2},
};

struct machine {
	struct memory_vcpu vcpu;
	struct sv_region regions[4];
	struct sv_space space;
	uint8_t ram[RAM_SIZE];
};

static void setup(struct machine *machine, const struct abort_case *test)
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
							  .sizes = SV_SIZES_ANY});
	memory_write(&machine->vcpu, RAM_BASE, 4, test->word);
}

/* Returns false if the abort did not complete: a figure for something else would be a lie. */
static bool resolve(struct machine *machine, const struct abort_case *test)
{
	struct sv_session session;
	struct sv_abort abort = {test->iss, 0};
	struct sv_insn insn;

	machine->vcpu.regs[SV_X0] = DEVICE;
	machine->vcpu.regs[SV_PC] = RAM_BASE;
	/* Pre-indexed forms access past the base. */
	abort.fault_ipa = DEVICE;
	if (!sv_decode(SV_A64, test->word, &insn) && insn.row->mode == SV_MODE_PRE)
		abort.fault_ipa += (uint64_t)insn.imm;
	sv_session_begin(&session, &machine->vcpu.cpu, &machine->space, NULL, &abort);
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
	printf("%-26s %8s %12s %10s %7s %7s\n", "one abort, in memory", "ns", "allocations", "KVM calls",
	       "needed", "extra");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		double ns[ROUNDS];
		uint64_t allocations;
		unsigned calls;

		setup(machine, &cases[i]);
		if (!resolve(machine, &cases[i])) {
			free(machine);
			return bench_fail("abort", cases[i].name);
		}
		calls = machine->vcpu.gets + machine->vcpu.sets;
		allocations = bench_allocations();
		for (unsigned round = 0; round < ROUNDS; round++) {
			uint64_t start = bench_now();

			for (unsigned n = 0; n < ABORTS; n++)
				resolve(machine, &cases[i]);
			ns[round] = (double)(bench_now() - start) / ABORTS;
		}
		printf("%-26s %8.1f %12llu %10u %7u %7u\n", cases[i].name, bench_median(ns, ROUNDS),
		       (unsigned long long)(bench_allocations() - allocations), calls, cases[i].needed,
		       calls - cases[i].needed);
	}
	free(machine);
	return 0;
}
