/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk: from a base register to a leaf. */
#include "stage1.h"

/* The address in a descriptor of a table or of 2^shift bytes (DDI 0487, D8.3). */
static uint64_t address_in(const struct regime *regime, uint64_t desc, unsigned shift)
{
	uint64_t address = desc & low_bits(regime->ds ? 50 : 48) & ~low_bits(shift);

	if (regime->lpa)
		address |= (desc >> 12 & 0xf) << 48;
	else if (regime->ds)
		address |= (desc >> 8 & 3) << 50;
	return address;
}

/* The first table, of 2^bits bytes: it is aligned to its size (DDI 0487, D24.2, TTBR0_EL1). */
static uint64_t first_table(const struct regime *regime, uint64_t ttbr, unsigned bits)
{
	uint64_t address = ttbr & low_bits(48);

	if (regime->ds || (regime->lpa && regime->output_bits == 52)) {
		address |= (ttbr >> 2 & 0xf) << 48;
		bits = bits < 6 ? 6 : bits;
	}
	return address & ~low_bits(bits);
}

/* Blocks of other levels are reserved (DDI 0487, D8.3.1). */
static bool is_block_level(const struct regime *regime, int level)
{
	int first = regime->granule == 12 ? !regime->ds : regime->ds || regime->lpa ? 1 : 2;

	return level >= first && level <= 2;
}

static enum sv_status leaf(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
			   uint64_t tables, unsigned shift, struct sv_translation *out)
{
	uint64_t base = address_in(regime, desc, shift);
	enum sv_status status;

	if (base >> regime->output_bits)
		return SV_ADDRESS_SIZE;
	if (!(desc & DESC_AF) && !regime->ha)
		return SV_ACCESS_FLAG;
	status = sv_permission_check(stage1, regime, desc, tables, out);
	if (status)
		return status;
	out->ipa = base | (stage1->va & low_bits(shift));
	out->last = base | low_bits(shift);
	return sv_attributes_read(stage1, regime, desc, out);
}

/* A table where there is no memory is an external abort on the walk, like one that cannot be read. */
static enum sv_status read_descriptor(const struct stage1 *stage1, uint64_t ipa, uint64_t *desc,
				      struct sv_translation *out)
{
	enum sv_status status = stage1->read(stage1->vcpu, ipa, desc);

	out->no_table = status == SV_TRANSLATION;
	if (status)
		return out->no_table ? SV_FAULT : status;
	if (stage1->context->sctlr_el1 & SV_SCTLR_EE)
		*desc = __builtin_bswap64(*desc);
	return SV_OK;
}

static enum sv_status walk(const struct stage1 *stage1, const struct regime *regime, uint64_t ttbr,
			   struct sv_translation *out)
{
	unsigned stride = regime->granule - 3, shift = regime->granule, index_bits;
	uint64_t tables = 0, table, desc;
	int8_t start = 3;

	for (; shift + stride < regime->input_bits; shift += stride)
		start--;
	index_bits = regime->input_bits - shift;
	table = first_table(regime, ttbr, index_bits + 3);
	/* Of the base register it is level 0, wherever the walk starts. */
	if (table >> regime->output_bits)
		return SV_ADDRESS_SIZE;
	for (out->level = start;; out->level++) {
		enum sv_status status =
			read_descriptor(stage1, table + (stage1->va >> shift & low_bits(index_bits)) * 8,
					&desc, out);

		if (status)
			return status;
		if (!(desc & DESC_VALID))
			return SV_TRANSLATION;
		if (desc & DESC_TABLE ? out->level == 3 : is_block_level(regime, out->level))
			return leaf(stage1, regime, desc, tables, shift, out);
		if (!(desc & DESC_TABLE))
			return SV_TRANSLATION;
		tables |= desc;
		table = address_in(regime, desc, regime->granule);
		if (table >> regime->output_bits)
			return SV_ADDRESS_SIZE;
		shift -= stride;
		index_bits = stride;
	}
}

/* MMU off: the address is the IPA (DDI 0487, D8.2.9). */
static enum sv_status flat(const struct stage1 *stage1, struct sv_translation *out)
{
	uint64_t va = stage1->va, tcr;
	unsigned bits = pa_bits(stage1);

	/* What a tag may hide, and only that, is worth a call. */
	if (va >> 56 && !(va << 8 >> 8 >> bits)) {
		if (stage1->ops->get(stage1->vcpu, SV_TCR_EL1, &tcr))
			return SV_REGISTER;
		va = sv_regime_untag(stage1, tcr);
	}
	if (va >> bits)
		return SV_ADDRESS_SIZE;
	out->level = -1;
	out->ipa = va;
	out->last = low_bits(bits);
	out->read = out->write = out->execute = true;
	sv_attributes_flat(stage1, out);
	return SV_OK;
}

static enum sv_status translate(const struct stage1 *stage1, struct sv_translation *out)
{
	struct regime regime;
	enum sv_status status;
	uint64_t ttbr;

	if (!(stage1->context->sctlr_el1 & SV_SCTLR_M))
		return flat(stage1, out);
	status = sv_regime_read(stage1, &regime, out);
	if (status)
		return status;
	if (stage1->ops->get(stage1->vcpu, regime.upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1, &ttbr))
		return SV_REGISTER;
	return walk(stage1, &regime, ttbr, out);
}

enum sv_status sv_translate(const struct sv_context *context, unsigned features, uint64_t va,
			    struct sv_access_kind kind, const struct sv_regs_ops *ops,
			    sv_read_descriptor read, void *vcpu, struct sv_translation *out)
{
	struct stage1 stage1 = {context, features, va, kind, ops, read, vcpu};

	*out = (struct sv_translation){.level = 0};
	return sv_fault_report(&stage1, translate(&stage1, out), out);
}

bool sv_access_el0(const struct sv_context *context, bool unprivileged)
{
	return !SV_PSTATE_EL(context->pstate) || (unprivileged && !(context->pstate & SV_PSTATE_UAO));
}
