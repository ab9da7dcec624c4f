/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage 1 as KVM looks at it: by AT S1E1R, and by its own walk. */
#include "soft.h"

#define MODE_EL1h UINT64_C(5)

/* The walk's state besides the CPU: the page whose descriptor is looked for. */
struct walk {
	struct soft_vcpu *vcpu;
	uint64_t page;
	bool looks;
};

/* What a walk reads; features that the model has not need no more. */
static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	static const struct {
		enum sv_reg reg;
		enum soft_reg soft;
	} registers[] = {
		{SV_SCTLR_EL1, SOFT_SCTLR_EL1}, {SV_TCR_EL1, SOFT_TCR_EL1},   {SV_TTBR0_EL1, SOFT_TTBR0_EL1},
		{SV_TTBR1_EL1, SOFT_TTBR1_EL1}, {SV_MAIR_EL1, SOFT_MAIR_EL1},
	};
	const struct soft_cpu *cpu = ((struct walk *)opaque)->vcpu->cpu;

	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		if (registers[i].reg == reg) {
			*value = cpu->sysreg[registers[i].soft];
			return SV_OK;
		}
	return SV_REGISTER;
}

static const struct sv_regs_ops ops = {.get = get};

static enum sv_status read_descriptor(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct walk *walk = opaque;

	if (walk->looks && (ipa & SOFT_PAGE_MASK) == walk->page)
		return SV_FAULT;
	return soft_memory_read(walk->vcpu->vm, ipa, value);
}

static enum sv_status translate(struct walk *walk, uint64_t va, struct sv_access_kind kind,
				struct sv_translation *translation)
{
	const struct soft_cpu *cpu = walk->vcpu->cpu;
	/* PSTATE.PAN is none of theirs. */
	struct sv_context context = {.pc = cpu->pc,
				     .pstate = MODE_EL1h,
				     .sctlr_el1 = cpu->sysreg[SOFT_SCTLR_EL1]};

	return sv_translate(&context, walk->vcpu->mmu_features, va, kind, &ops, read_descriptor, walk,
			    translation);
}

bool soft_at_s1e1r(struct soft_vcpu *vcpu, uint64_t va, uint64_t *ipa)
{
	struct walk walk = {.vcpu = vcpu};
	struct sv_translation translation;

	if (translate(&walk, va, (struct sv_access_kind){0}, &translation) != SV_OK)
		return false;
	*ipa = translation.ipa & SOFT_PAGE_MASK;
	return true;
}

bool soft_find_level(struct soft_vcpu *vcpu, uint64_t va, bool fetch, uint64_t ipa, int *level)
{
	struct walk walk = {.vcpu = vcpu, .page = ipa & SOFT_PAGE_MASK, .looks = true};
	struct sv_translation translation;

	/* A table that is not there either, but is another one, ends the walk before. */
	if (translate(&walk, va, (struct sv_access_kind){.fetch = fetch}, &translation) != SV_FAULT ||
	    translation.no_table)
		return false;
	*level = translation.level;
	return true;
}
