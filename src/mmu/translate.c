/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMSAv8-64 stage-1 translation of the EL1&0 regime (DDI 0487, D8 "The AArch64 Virtual Memory System
 * Architecture").
 */
#include <salvage/mmu.h>

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

/* TCR2_EL1: PIE, E0POE, POE, AIE, D128 each change what a descriptor means. */
#define TCR2_REFUSED UINT64_C(0x3e)

#define SCTLR_EPAN (UINT64_C(1) << 57)

/* Descriptors (DDI 0487, D8.3). */
#define DESC_VALID          UINT64_C(1)
#define DESC_TABLE          UINT64_C(2) /* a table, or a page at level 3 */
#define DESC_AttrIndx(desc) ((desc) >> 2 & 7)
#define DESC_AP1            (UINT64_C(1) << 6) /* EL0 may access */
#define DESC_AP2            (UINT64_C(1) << 7) /* read-only */
#define DESC_AF             (UINT64_C(1) << 10)
#define DESC_DBM            (UINT64_C(1) << 51)
#define DESC_PXN            (UINT64_C(1) << 53)
#define DESC_UXN            (UINT64_C(1) << 54)
#define DESC_PXNTable       (UINT64_C(1) << 59)
#define DESC_UXNTable       (UINT64_C(1) << 60)
#define DESC_APTable0       (UINT64_C(1) << 61) /* no EL0 access below */
#define DESC_APTable1       (UINT64_C(1) << 62) /* read-only below */

#define OA_BITS 48

static uint64_t low_bits(unsigned count)
{
	return (UINT64_C(1) << count) - 1;
}

/* log2 of the granule, or 0 for a reserved encoding. */
static unsigned granule_bits(uint64_t tcr, bool upper)
{
	static const uint8_t bits[2][4] = {{12, 16, 14, 0}, {0, 14, 12, 16}};

	return bits[upper][TCR_TG(tcr, upper)];
}

/* The output address size that IPS selects; larger ones than 48 need LPA or LPA2. */
static unsigned output_bits(uint64_t tcr)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 48, 48};

	return bits[TCR_IPS(tcr)];
}

/* Everything about the regime that one walk needs. */
struct walk {
	uint64_t tcr, va;
	bool upper;
	unsigned granule, input_bits, oa_bits;
};

/* MMU off: the address is the IPA, memory is Device-nGnRnE for data (DDI 0487, D8.2.9). */
static enum sv_status flat(uint64_t va, const struct sv_regs_ops *ops, void *vcpu, struct sv_translation *out)
{
	/* A tag byte is ignored under TBI with the MMU off too; TCR_EL1 costs a call, so only then. */
	if (va >> 56) {
		uint64_t tcr;
		bool upper = va >> 55 & 1;

		if (ops->get(vcpu, SV_TCR_EL1, &tcr))
			return SV_REGISTER;
		if (TCR_TBI(tcr, upper))
			va &= low_bits(56);
	}
	if (va >> OA_BITS) {
		out->level = 0;
		return SV_ADDRESS_SIZE;
	}
	*out = (struct sv_translation){.ipa = va, .last = low_bits(OA_BITS), .device = true, .level = -1};
	return SV_OK;
}

/* Whether the bits above the input address agree with bit 55, the tag byte excepted where TBI says so. */
static bool in_range(const struct walk *walk, struct sv_access_kind kind)
{
	bool tagged = TCR_TBI(walk->tcr, walk->upper) && !(kind.fetch && TCR_TBID(walk->tcr, walk->upper));
	unsigned top = tagged ? 55 : 63;
	uint64_t above = walk->va >> walk->input_bits & low_bits(top + 1 - walk->input_bits);

	return above == (walk->upper ? low_bits(top + 1 - walk->input_bits) : 0);
}

static bool permitted(const struct sv_context *context, const struct walk *walk, uint64_t desc,
		      uint64_t tables, struct sv_access_kind kind)
{
	bool user = desc & DESC_AP1 && !(tables & DESC_APTable0);
	/* HD does nothing without HA. */
	bool read_only = desc & DESC_AP2 && !(TCR_HA(walk->tcr) && TCR_HD(walk->tcr) && desc & DESC_DBM);
	bool writable = !read_only && !(tables & DESC_APTable1);
	bool uxn = desc & DESC_UXN || tables & DESC_UXNTable;
	bool pxn = desc & DESC_PXN || tables & DESC_PXNTable;
	bool wxn = context->sctlr_el1 & SV_SCTLR_WXN;

	if (kind.fetch)
		/* Writable by EL0 implies PXN (DDI 0487, D8.4.1). */
		return kind.el0 ? !uxn && !(wxn && user && writable)
				: !pxn && !(user && writable) && !(wxn && writable);
	if (kind.el0)
		return user && (!kind.write || writable);
	if (context->pstate & SV_PSTATE_PAN && (user || (context->sctlr_el1 & SCTLR_EPAN && !uxn)))
		return false;
	return !kind.write || writable;
}

static uint64_t swap(uint64_t value)
{
	return __builtin_bswap64(value);
}

static enum sv_status leaf(const struct sv_context *context, const struct walk *walk, uint64_t desc,
			   uint64_t tables, unsigned shift, struct sv_access_kind kind,
			   const struct sv_regs_ops *ops, void *vcpu, struct sv_translation *out)
{
	uint64_t mair = 0, base = desc & low_bits(OA_BITS) & ~low_bits(shift);

	if (base >> walk->oa_bits)
		return SV_ADDRESS_SIZE;
	/* With hardware update of the flag the access itself would have set it; we do not write tables. */
	if (!(desc & DESC_AF) && !TCR_HA(walk->tcr))
		return SV_ACCESS_FLAG;
	if (!permitted(context, walk, desc, tables, kind))
		return SV_PERMISSION;
	/* The type of memory that instructions come from changes nothing for us. */
	if (!kind.fetch && ops->get(vcpu, SV_MAIR_EL1, &mair))
		return SV_REGISTER;
	out->ipa = base | (walk->va & low_bits(shift));
	out->last = base | low_bits(shift);
	/* MAIR attribute 0b0000xxxx is Device (DDI 0487, D24.2, MAIR_EL1). */
	out->device = !kind.fetch && !(mair >> (8 * DESC_AttrIndx(desc)) & 0xf0);
	return SV_OK;
}

static enum sv_status walk_tables(const struct sv_context *context, const struct walk *walk, uint64_t ttbr,
				  struct sv_access_kind kind, const struct sv_regs_ops *ops,
				  sv_read_descriptor read, void *vcpu, struct sv_translation *out)
{
	unsigned stride = walk->granule - 3;
	unsigned levels = (walk->input_bits - walk->granule + stride - 1) / stride;
	unsigned shift = walk->granule + (levels - 1) * stride;
	unsigned index_bits = walk->input_bits - shift;
	uint64_t tables = 0, table, desc;

	/*
	 * The first table may be shorter than a granule, and is aligned to its size (DDI 0487, D24.2,
	 * TTBR0_EL1).
	 */
	table = ttbr & low_bits(OA_BITS) & ~low_bits(index_bits + 3);
	if (table >> walk->oa_bits)
		return SV_ADDRESS_SIZE;
	for (out->level = (int8_t)(4 - levels);; out->level++) {
		enum sv_status status =
			read(vcpu, table + (walk->va >> shift & low_bits(index_bits)) * 8, &desc);

		if (status)
			return status;
		if (context->sctlr_el1 & SV_SCTLR_EE)
			desc = swap(desc);
		if (!(desc & DESC_VALID))
			return SV_TRANSLATION;
		if (out->level == 3)
			return desc & DESC_TABLE
				       ? leaf(context, walk, desc, tables, shift, kind, ops, vcpu, out)
				       : SV_TRANSLATION;
		if (!(desc & DESC_TABLE)) {
			/*
			 * Blocks: levels 1 and 2 with 4 KiB granules, level 2 with larger ones (DDI 0487,
			 * D8.3.1).
			 */
			if (out->level == 2 || (out->level == 1 && walk->granule == 12))
				return leaf(context, walk, desc, tables, shift, kind, ops, vcpu, out);
			return SV_TRANSLATION;
		}
		if (!TCR_HPD(walk->tcr, walk->upper))
			tables |= desc;
		table = desc & low_bits(OA_BITS) & ~low_bits(walk->granule);
		if (table >> walk->oa_bits)
			return SV_ADDRESS_SIZE;
		shift -= stride;
		index_bits = stride;
	}
}

enum sv_status sv_translate(const struct sv_context *context, unsigned features, uint64_t va,
			    struct sv_access_kind kind, const struct sv_regs_ops *ops,
			    sv_read_descriptor read, void *vcpu, struct sv_translation *out)
{
	struct walk walk = {.va = va, .upper = va >> 55 & 1};
	uint64_t tcr2, ttbr;
	unsigned size;

	*out = (struct sv_translation){.level = 0};
	if (!(context->sctlr_el1 & SV_SCTLR_M))
		return flat(va, ops, vcpu, out);
	if (features & SV_MMU_S1PIE) {
		if (ops->get(vcpu, SV_TCR2_EL1, &tcr2))
			return SV_REGISTER;
		if (tcr2 & TCR2_REFUSED)
			return SV_UNSUPPORTED;
	}
	if (ops->get(vcpu, SV_TCR_EL1, &walk.tcr))
		return SV_REGISTER;

	size = TCR_TnSZ(walk.tcr, walk.upper);
	walk.granule = granule_bits(walk.tcr, walk.upper);
	walk.input_bits = 64 - size;
	walk.oa_bits = output_bits(walk.tcr);
	/* 52-bit addresses, and sizes that are reserved or IMPLEMENTATION DEFINED in effect. */
	if (!walk.granule || size < 16 || size > 39 || TCR_DS(walk.tcr) || TCR_IPS(walk.tcr) > 5)
		return SV_UNSUPPORTED;
	if (TCR_EPD(walk.tcr, walk.upper) || !in_range(&walk, kind) ||
	    (kind.el0 && TCR_E0PD(walk.tcr, walk.upper)))
		return SV_TRANSLATION;
	if (ops->get(vcpu, walk.upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1, &ttbr))
		return SV_REGISTER;
	return walk_tables(context, &walk, ttbr, kind, ops, read, vcpu, out);
}
