/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What action dump leaves behind: the vCPU's registers, in the form of a kernel oops, and the way through the
 * tables to an address.
 */
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

static void put_descriptors(struct vmm_vcpu *vcpu, struct sv_session *session, uint64_t va, FILE *out)
{
	for (int level = -1; level <= 3; level++) {
		struct sv_place place;
		uint64_t ipa, value;

		if (sv_infer_table(session, va, (struct sv_access_kind){0}, level, &ipa))
			continue;
		place = sv_space_find(&vcpu->vm->space, ipa, false);
		fprintf(out, "  level %d descriptor at 0x%016" PRIx64 ": ", level, ipa);
		if (place.region && (place.kind == SV_REGION_RAM || place.kind == SV_REGION_ROM) &&
		    vcpu->salvage.cpu.ops->load(vcpu->salvage.cpu.vcpu, place.region, ipa, 8, &value) ==
			    SV_OK)
			fprintf(out, "0x%016" PRIx64 "\n", value);
		else
			fprintf(out, "unreadable\n");
	}
}

void vmm_dump_address(struct vmm_vcpu *vcpu, uint64_t va, FILE *out)
{
	struct sv_session session;
	struct sv_translation translation;
	enum sv_reason reason = sv_infer_begin(&session, &vcpu->salvage.cpu, &vcpu->vm->space);

	flockfile(out);
	fprintf(out, "address 0x%016" PRIx64 ", by the guest's tables:\n", va);
	if (!reason) {
		put_descriptors(vcpu, &session, va, out);
		reason =
			sv_infer_translate(&session, va, (struct sv_access_kind){.el0 = false}, &translation);
	}
	if (reason)
		fprintf(out, "  %s\n", sv_reason_text(reason));
	else
		fprintf(out, "  ipa 0x%016" PRIx64 ", mapped to 0x%016" PRIx64 "; EL1 may%s%s%s; %s memory\n",
			translation.ipa, translation.last, translation.read ? " read" : "",
			translation.write ? " write" : "", translation.execute ? " execute" : "",
			translation.device ? "Device" : "Normal");
	funlockfile(out);
}
