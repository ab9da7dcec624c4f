/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be done with a page: direct and indirect permissions, and overlays (DDI 0487, D8.4). */
#include "stage1.h"

/* The first three as POR_ELx has them. */
#define R   1
#define X   2
#define W   4
#define GCS 8
#define WXN 16 /* no execution if the page is writable in the end */

struct rights {
	uint8_t base;
	bool overlay;
	uint8_t over; /* if overlay */
	bool kept;    /* PAN keeps EL1's data accesses out */
};

static uint8_t without(uint8_t rights, uint8_t taken)
{
	return rights & (uint8_t)~taken;
}

static bool pan(const struct stage1 *stage1)
{
	return stage1->context->pstate & SV_PSTATE_PAN && !stage1->kind.el0;
}

static void direct(const struct stage1 *stage1, const struct regime *regime, uint64_t desc, uint64_t tables,
		   struct rights *rights)
{
	/* DBM makes AP[2] the dirty state, which hardware would change (DDI 0487, D8.5.4). */
	bool read_only = (desc & DESC_AP2 && !(regime->hd && desc & DESC_DBM)) || tables & DESC_APTable1;
	uint8_t data = read_only ? R : R | W;
	uint8_t el0 = desc & DESC_AP1 && !(tables & DESC_APTable0) ? data : 0, el1 = data;
	uint64_t sctlr = stage1->context->sctlr_el1;

	if (!(desc & DESC_UXN || tables & DESC_UXNTable))
		el0 |= X;
	if (!(desc & DESC_PXN || tables & DESC_PXNTable || el0 & W))
		el1 |= X;
	rights->kept =
		pan(stage1) && el0 & (has(stage1, SV_MMU_PAN3) && sctlr & SV_SCTLR_EPAN ? R | W | X : R | W);
	rights->base = (stage1->kind.el0 ? el0 : el1) | (sctlr & SV_SCTLR_WXN ? WXN : 0);
}

/* PIR_EL1 and PIRE0_EL1; reserved encodings permit nothing (DDI 0487, D8.4.1, R_LLZDZ). */
static const uint8_t indirect_rights[16] = {
	[1] = R, [2] = X,       [3] = R | X,  [5] = R | W,  [6] = R | W | X | WXN, [7] = R | W | X,
	[8] = R, [9] = R | GCS, [10] = R | X, [12] = R | W, [14] = R | W | X,
};

static enum sv_status indirect(const struct stage1 *stage1, uint64_t desc, struct rights *rights)
{
	unsigned shift = DESC_PIIndex(desc) * 4;
	uint8_t el0, el1;
	uint64_t pir, pire0;

	if (stage1->ops->get(stage1->vcpu, SV_PIR_EL1, &pir) ||
	    stage1->ops->get(stage1->vcpu, SV_PIRE0_EL1, &pire0))
		return SV_REGISTER;
	pir = pir >> shift & 0xf;
	pire0 = pire0 >> shift & 0xf;
	el1 = indirect_rights[pir];
	el0 = indirect_rights[pire0];
	/* What EL0 can write, EL1 cannot execute: such a page is nobody's (R_VFPJF). */
	if (el1 & (X | GCS) && el0 & (W | GCS))
		el0 = el1 = 0;
	rights->kept = pan(stage1) && pire0;
	rights->base = stage1->kind.el0 ? el0 : el1;
	/* The upper half of the encodings is out of the overlay's reach. */
	rights->overlay &= !((stage1->kind.el0 ? pire0 : pir) & 8);
	return SV_OK;
}

static enum sv_status overlay(const struct stage1 *stage1, uint64_t desc, struct rights *rights)
{
	uint64_t por;

	if (stage1->ops->get(stage1->vcpu, stage1->kind.el0 ? SV_POR_EL0 : SV_POR_EL1, &por))
		return SV_REGISTER;
	por = por >> DESC_POIndex(desc) * 4 & 0xf;
	rights->over = por & 8 ? 0 : (uint8_t)por;
	return SV_OK;
}

static enum sv_status rights_of(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
				uint64_t tables, struct rights *rights)
{
	*rights = (struct rights){.overlay = regime->overlay};
	if (!regime->pie)
		direct(stage1, regime, desc, regime->hpd ? 0 : tables, rights);
	else if (indirect(stage1, desc, rights))
		return SV_REGISTER;
	if (rights->overlay && overlay(stage1, desc, rights))
		return SV_REGISTER;
	/*
	 * An overlay that lets a page be executed takes the writing instead (DDI 0487, D8.4.2, R_QXXPC and
	 * R_NPBXC); of direct permissions only if PAN has left any.
	 */
	if ((rights->base & (WXN | W | X)) == (WXN | W | X)) {
		if (!rights->overlay || !(rights->over & X))
			rights->base = without(rights->base, X);
		else if (regime->pie || !rights->kept)
			rights->over = without(rights->over, W);
	}
	if (rights->kept)
		rights->base = without(rights->base, R | W);
	return SV_OK;
}

/* The right of wanted that is missed first, reading before writing; 0 if none is. */
static uint8_t missing(uint8_t wanted, uint8_t given)
{
	uint8_t missed = without(wanted, given);

	return missed & R ? R : missed;
}

enum sv_status sv_permission_check(const struct stage1 *stage1, const struct regime *regime, uint64_t desc,
				   uint64_t tables, struct sv_translation *out)
{
	const struct sv_access_kind *kind = &stage1->kind;
	uint8_t wanted = kind->fetch ? X : kind->atomic ? R | W : kind->write ? W : R, given, missed;
	/* Without hardware's help a clean page cannot be written (DDI 0487, D8.5.4). */
	bool clean = regime->pie && desc & DESC_AP2 && !regime->hd;
	struct rights rights;

	if (rights_of(stage1, regime, desc, tables, &rights))
		return SV_REGISTER;
	given = rights.overlay ? rights.base & rights.over : rights.base;
	out->read = given & R;
	out->write = given & W && !clean;
	out->execute = given & X;
	missed = rights.overlay ? missing(wanted, rights.over) : 0;
	if (missed)
		out->esr = ESR_Overlay;
	else
		missed = missing(wanted, rights.base);
	if (!missed && wanted & W && clean) {
		missed = W;
		out->esr = ESR_DirtyBit;
	}
	if (!missed)
		return SV_OK;
	/* For an atomic sv_fault_report takes it that reading failed. */
	if (missed == W)
		out->esr |= ESR_WnR;
	return SV_PERMISSION;
}
