/* SPDX-License-Identifier: BSD-2-Clause */
/* What action dump leaves behind: the vCPU's registers, in the form of a kernel oops. */
#include <inttypes.h>

#include "vm.h"

static void put(struct vmm_vcpu *vcpu, FILE *out, const char *name, enum sv_reg reg, const char *after)
{
	uint64_t value;

	if (sv_kvm_get(&vcpu->salvage, reg, &value) == SV_OK)
		fprintf(out, "%-9s: %016" PRIx64 "%s", name, value, after);
	else
		fprintf(out, "%-9s: %-16s%s", name, "unreadable", after);
}

void vmm_dump(struct vmm_vcpu *vcpu, FILE *out)
{
	static const struct {
		const char *name;
		enum sv_reg reg;
	} others[] = {
		{"pc", SV_PC},
		{"pstate", SV_PSTATE},
		{"sp_el0", SV_SP_EL0},
		{"sp_el1", SV_SP_EL1},
		{"sctlr_el1", SV_SCTLR_EL1},
		{"tcr_el1", SV_TCR_EL1},
		{"ttbr0_el1", SV_TTBR0_EL1},
		{"ttbr1_el1", SV_TTBR1_EL1},
		{"mair_el1", SV_MAIR_EL1},
	};
	char name[4];

	flockfile(out);
	fprintf(out, "vcpu %u:\n", vcpu->index);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		put(vcpu, out, others[i].name, others[i].reg, i % 3 == 2 ? "\n" : "  ");
	for (unsigned i = 0; i <= 30; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		put(vcpu, out, name, SV_X0 + i, i % 3 == 2 || i == 30 ? "\n" : "  ");
	}
	funlockfile(out);
}
