/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types (DDI 0487, D8.6, and D24.2, MAIR_EL1). */
#include "stage1.h"

#define TCR_SH(tcr, upper) ((tcr) >> ((upper) ? 28 : 12) & 3)

#define NORMAL_NC 0x44

/* One half of a Normal attribute. */
static uint8_t cacheability(uint8_t half)
{
	if (half == 4)
		return SV_NON_CACHEABLE;
	return half & 4 ? SV_WRITE_BACK : SV_WRITE_THROUGH;
}

static void decode(uint8_t attr, uint8_t sh, struct sv_translation *out)
{
	struct sv_memory_type *type = &out->type;

	/* Encodings that are reserved are read by their pattern. */
	out->device = !(attr & 0xf0);
	*type = (struct sv_memory_type){.attr = attr, .shareability = SV_OUTER_SHAREABLE};
	if (out->device) {
		type->device = attr >> 2 & 3;
		return;
	}
	/* FEAT_XS has its own encodings of Non-cacheable and Write-Through, FEAT_MTE2 of Write-Back. */
	switch (attr) {
	case 0x40:
		break;
	case 0xa0:
		type->inner = type->outer = SV_WRITE_THROUGH;
		break;
	case 0xf0:
		type->inner = type->outer = SV_WRITE_BACK;
		break;
	default:
		type->outer = cacheability(attr >> 4);
		type->inner = cacheability(attr & 0xf);
	}
	/* What is not cached is Outer Shareable whatever it says; SH 0b01 is reserved. */
	if (type->inner || type->outer)
		type->shareability = sh == 1 ? SV_NON_SHAREABLE : sh;
}

enum sv_status sv_attributes_read(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
				  struct sv_translation *out)
{
	uint8_t attr = NORMAL_NC;

	if (!stage1->kind.fetch) {
		uint64_t mair;

		if (stage1->ops->get(stage1->vcpu, SV_MAIR_EL1, &mair))
			return SV_REGISTER;
		mair >>= 8 * DESC_AttrIndx(desc);
		/* With the caches off all that is Normal is Non-cacheable. */
		if (stage1->context->sctlr_el1 & SV_SCTLR_C || !(mair & 0xf0))
			attr = (uint8_t)mair;
	}
	/* FEAT_LPA2 has address bits where SH was. */
	decode(attr, regime->ds ? TCR_SH(regime->tcr, regime->upper) : DESC_SH(desc), out);
	return SV_OK;
}

void sv_attributes_flat(const struct stage1 *stage1, struct sv_translation *out)
{
	decode(stage1->kind.fetch ? NORMAL_NC : 0, SV_OUTER_SHAREABLE, out);
}
