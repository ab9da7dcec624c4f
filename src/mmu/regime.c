/* SPDX-License-Identifier: BSD-2-Clause */
/* Features and control registers: what decides a walk before its first descriptor. */
#include "stage1.h"

/*
 * TCR_EL1 (DDI 0487, D24.2). The fields of TTBR1 stand where those of TTBR0 do, but for the granule's
 * encoding.
 */
#define TCR_TnSZ(tcr, upper) ((tcr) >> ((upper) ? 16 : 0) & 0x3f)
#define TCR_EPD(tcr, upper)  ((tcr) >> ((upper) ? 23 : 7) & 1)
#define TCR_TG(tcr, upper)   ((tcr) >> ((upper) ? 30 : 14) & 3)
#define TCR_IPS(tcr)         ((tcr) >> 32 & 7)
#define TCR_TBI(tcr, upper)  ((tcr) >> ((upper) ? 38 : 37) & 1)
#define TCR_HA(tcr)          ((tcr) >> 39 & 1)
#define TCR_HD(tcr)          ((tcr) >> 40 & 1)
#define TCR_HPD(tcr, upper)  ((tcr) >> ((upper) ? 42 : 41) & 1)
#define TCR_TBID(tcr, upper) ((tcr) >> ((upper) ? 52 : 51) & 1)
#define TCR_E0PD(tcr, upper) ((tcr) >> ((upper) ? 56 : 55) & 1)
#define TCR_DS(tcr)          ((tcr) >> 59 & 1)
#define TCR_MTX(tcr, upper)  ((tcr) >> ((upper) ? 61 : 60) & 1)

/* TCR2_EL1 (DDI 0487, D24.2). */
#define TCR2_PIE   (UINT64_C(1) << 1)
#define TCR2_E0POE (UINT64_C(1) << 2)
#define TCR2_POE   (UINT64_C(1) << 3)
#define TCR2_AIE   (UINT64_C(1) << 4)
#define TCR2_D128  (UINT64_C(1) << 5)
/*
 * PnCH and DisCHn redefine the Contiguous bit, which means nothing here; PTTWI and HAFT are about how tables
 * are read and written; A2, FNGn and FNGNAn about ASIDs.
 */
#define TCR2_HARMLESS UINT64_C(0x37cc01)

#define TCR2_FEATURES (SV_MMU_S1PIE | SV_MMU_S1POE | SV_MMU_AIE | SV_MMU_D128)

/* Output address sizes, as TCR_EL1.IPS and ID_AA64MMFR0_EL1.PARange have them. */
static unsigned size_of(uint64_t encoding)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52};

	return encoding < sizeof(bits) ? bits[encoding] : 52;
}

/* One value of a four-bit ID field, or all from it on, and what it says. */
struct id_field {
	uint8_t reg, shift, least, most;
	unsigned feature;
};

unsigned sv_mmu_features(const struct sv_mmu_id *id)
{
	const uint64_t regs[] = {id->aa64mmfr0, id->aa64mmfr1, id->aa64mmfr2, id->aa64mmfr3,
				 id->aa64pfr1,  id->aa64isar1, id->aa64isar2};
	static const struct id_field fields[] = {
		{0, 28, 15, 15, SV_MMU_NO_4K},   /* TGran4 */
		{0, 28, 1, 14, SV_MMU_LPA2_4K},  /* TGran4 */
		{0, 20, 0, 0, SV_MMU_NO_16K},    /* TGran16 */
		{0, 20, 2, 15, SV_MMU_LPA2_16K}, /* TGran16 */
		{0, 24, 15, 15, SV_MMU_NO_64K},  /* TGran64 */
		{1, 0, 1, 15, SV_MMU_HA},        /* HAFDBS */
		{1, 0, 2, 15, SV_MMU_HD},        /* HAFDBS */
		{1, 12, 1, 15, SV_MMU_HPD},      /* HPDS */
		{1, 20, 3, 15, SV_MMU_PAN3},     /* PAN */
		{2, 16, 1, 15, SV_MMU_LVA},      /* VARange */
		{2, 28, 1, 15, SV_MMU_TTST},     /* ST */
		{2, 60, 1, 15, SV_MMU_E0PD},     /* E0PD */
		{3, 8, 1, 15, SV_MMU_S1PIE},     /* S1PIE */
		{3, 16, 1, 15, SV_MMU_S1POE},    /* S1POE */
		{3, 24, 1, 15, SV_MMU_AIE},      /* AIE */
		{3, 32, 1, 15, SV_MMU_D128},     /* D128 */
		{4, 52, 1, 15, SV_MMU_MTX},      /* MTEX */
		{5, 4, 1, 15, SV_MMU_TBID},      /* APA */
		{5, 8, 1, 15, SV_MMU_TBID},      /* API */
		{6, 12, 1, 15, SV_MMU_TBID},     /* APA3 */
	};
	unsigned features = SV_MMU_PA_BITS(size_of(id->aa64mmfr0 & 0xf));

	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		unsigned value = regs[fields[i].reg] >> fields[i].shift & 0xf;

		if (value >= fields[i].least && value <= fields[i].most)
			features |= fields[i].feature;
	}
	return features;
}

uint64_t sv_regime_untag(const struct stage1 *stage1, uint64_t tcr)
{
	uint64_t va = stage1->va, tag = UINT64_C(0xff) << 56;
	bool upper = va >> 55 & 1;

	if (!TCR_TBI(tcr, upper) ||
	    (stage1->kind.fetch && has(stage1, SV_MMU_TBID) && TCR_TBID(tcr, upper))) {
		/* MTX makes a tag of bits 59:56, but of a fetch only with the MMU on (S1DisabledOutput). */
		bool canonical = has(stage1, SV_MMU_MTX) && TCR_MTX(tcr, upper) &&
				 (!stage1->kind.fetch || stage1->context->sctlr_el1 & SV_SCTLR_M);

		tag = canonical ? UINT64_C(0xf) << 56 : 0;
	}
	return upper ? va | tag : va & ~tag;
}

/* log2 of the granule, or 0 for an encoding that is reserved or not implemented. */
static unsigned granule_bits(const struct stage1 *stage1, uint64_t tcr, bool upper)
{
	static const struct {
		uint8_t bits;
		unsigned missing;
	} granules[2][4] = {
		{{12, SV_MMU_NO_4K}, {16, SV_MMU_NO_64K}, {14, SV_MMU_NO_16K}},
		{{0}, {14, SV_MMU_NO_16K}, {12, SV_MMU_NO_4K}, {16, SV_MMU_NO_64K}},
	};
	unsigned encoding = TCR_TG(tcr, upper);

	return stage1->features & granules[upper][encoding].missing ? 0 : granules[upper][encoding].bits;
}

/* What of TCR_EL1 has a meaning. */
static void decode(const struct stage1 *stage1, struct regime *regime)
{
	uint64_t tcr = regime->tcr;
	unsigned most, size = size_of(TCR_IPS(tcr));

	regime->ds = TCR_DS(tcr) && ((regime->granule == 12 && has(stage1, SV_MMU_LPA2_4K)) ||
				     (regime->granule == 14 && has(stage1, SV_MMU_LPA2_16K)));
	regime->lpa = regime->granule == 16 && pa_bits(stage1) == 52;
	most = regime->ds || regime->lpa || pa_bits(stage1) < 48 ? pa_bits(stage1) : 48;
	regime->output_bits = (uint8_t)(size < most ? size : most);
	regime->input_bits = (uint8_t)(64 - TCR_TnSZ(tcr, regime->upper));
	regime->ha = has(stage1, SV_MMU_HA) && TCR_HA(tcr);
	/* HD does nothing without HA. */
	regime->hd = regime->ha && has(stage1, SV_MMU_HD) && TCR_HD(tcr);
	/* Hierarchical permissions go with direct ones only (DDI 0487, D8.4.1 and D8.4.2). */
	regime->hpd |= regime->pie || (has(stage1, SV_MMU_HPD) && TCR_HPD(tcr, regime->upper));
}

static bool size_in_range(const struct stage1 *stage1, const struct regime *regime)
{
	bool large = regime->ds || (regime->granule == 16 && has(stage1, SV_MMU_LVA));
	unsigned most = regime->granule == 16 ? 47 : 48;

	return regime->input_bits <= (large ? 52 : 48) &&
	       regime->input_bits >= 64 - (has(stage1, SV_MMU_TTST) ? most : 39);
}

/* Whether the bits above the input address, a tag excepted, agree with bit 55. */
static bool address_in_range(const struct stage1 *stage1, const struct regime *regime)
{
	uint64_t above = sv_regime_untag(stage1, regime->tcr) >> regime->input_bits;

	return above == (regime->upper ? low_bits(64 - regime->input_bits) : 0);
}

static enum sv_mmu_refusal read_tcr2(const struct stage1 *stage1, uint64_t tcr2, struct regime *regime)
{
	uint64_t known = TCR2_HARMLESS | TCR2_PIE | TCR2_E0POE | TCR2_POE | TCR2_AIE | TCR2_D128;

	if (has(stage1, SV_MMU_D128) && tcr2 & TCR2_D128)
		return SV_MMU_REFUSAL_D128;
	if (has(stage1, SV_MMU_AIE) && tcr2 & TCR2_AIE)
		return SV_MMU_REFUSAL_AIE;
	if (tcr2 & ~known)
		return SV_MMU_REFUSAL_TCR2;
	regime->pie = has(stage1, SV_MMU_S1PIE) && tcr2 & TCR2_PIE;
	if (has(stage1, SV_MMU_S1POE)) {
		regime->overlay = tcr2 & (stage1->kind.el0 ? TCR2_E0POE : TCR2_POE);
		/* A leaf's index stands where a table has its permissions (DDI 0487, D8.4.2, R_BVXDG). */
		regime->hpd = tcr2 & (TCR2_E0POE | TCR2_POE);
	}
	return SV_MMU_REFUSAL_NONE;
}

enum sv_status sv_regime_read(const struct stage1 *stage1, struct regime *regime, struct sv_translation *out)
{
	*regime = (struct regime){.upper = stage1->va >> 55 & 1};
	if (stage1->features & TCR2_FEATURES) {
		uint64_t tcr2;

		if (stage1->ops->get(stage1->vcpu, SV_TCR2_EL1, &tcr2))
			return SV_REGISTER;
		out->refusal = read_tcr2(stage1, tcr2, regime);
		if (out->refusal)
			return SV_UNSUPPORTED;
	}
	if (stage1->ops->get(stage1->vcpu, SV_TCR_EL1, &regime->tcr))
		return SV_REGISTER;
	regime->granule = (uint8_t)granule_bits(stage1, regime->tcr, regime->upper);
	if (!regime->granule) {
		out->refusal = SV_MMU_REFUSAL_GRANULE;
		return SV_UNSUPPORTED;
	}
	decode(stage1, regime);
	if (!size_in_range(stage1, regime) || !address_in_range(stage1, regime) ||
	    TCR_EPD(regime->tcr, regime->upper) ||
	    (stage1->kind.el0 && has(stage1, SV_MMU_E0PD) && TCR_E0PD(regime->tcr, regime->upper)))
		return SV_TRANSLATION;
	return SV_OK;
}
