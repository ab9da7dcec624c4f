/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults as ESR_EL1 reports them, and refusals in words. */
#include "../name.h"
#include "stage1.h"

/* Fault status codes (DDI 0487, D24.2, ESR_EL1, DFSC). */
static const struct {
	uint8_t status;
	bool has_minus_one;
	uint8_t minus_one, zero; /* level -1, level 0; those of levels 1 to 3 follow */
} codes[] = {
	{SV_ADDRESS_SIZE, true, 0x29, 0x00}, {SV_TRANSLATION, true, 0x2b, 0x04},
	{SV_ACCESS_FLAG, false, 0, 0x08},    {SV_PERMISSION, false, 0, 0x0c},
	{SV_FAULT, true, 0x13, 0x14},
};

#define FSC_ALIGNMENT 0x21

unsigned sv_stage1_fsc(enum sv_status status, int level)
{
	if (status == SV_ALIGNMENT)
		return FSC_ALIGNMENT;
	for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (codes[i].status != status)
			continue;
		if (level >= 0 && level <= 3)
			return codes[i].zero + (unsigned)level;
		if (level == -1 && codes[i].has_minus_one)
			return codes[i].minus_one;
	}
	return SV_FSC_NONE;
}

enum sv_status sv_fault_report(const struct stage1 *stage1, enum sv_status status, struct sv_translation *out)
{
	unsigned fsc = sv_stage1_fsc(status, out->level);

	if (fsc == SV_FSC_NONE) {
		out->esr = 0;
		return status;
	}
	out->esr |= fsc;
	/* Where the read of an atomic would have faulted too, it is a read that has (ESR_EL1, WnR). */
	if (stage1->kind.write && !stage1->kind.atomic && !stage1->kind.fetch)
		out->esr |= ESR_WnR;
	return status;
}

const char *sv_mmu_refusal_text(enum sv_mmu_refusal refusal)
{
	static const char *const texts[] = {
#define X(name, text) [SV_MMU_REFUSAL_##name] = text,
		SV_MMU_REFUSALS(X)
#undef X
	};

	return NAME(texts, refusal);
}
