/* SPDX-License-Identifier: BSD-2-Clause */
/* DC ZVA, GVA and GZVA: a block of memory becomes zero, or its tags are set (DDI 0487, C5.3, DC ZVA). */
#include <string.h>

#include "block.h"

/* DCZID_EL0 (DDI 0487, D24.2): log2 of the words in a block; DZP forbids the instructions. */
#define DCZID_BS(dczid) ((dczid)&0xf)
#define DCZID_DZP       (UINT64_C(1) << 4)

/* op2 of DC GVA, which sets tags and no data (DDI 0487, C5.3). */
#define OP2(word) ((word) >> 5 & 7)
#define OP2_GVA   3

enum sv_status sv_block_plan(const struct sv_insn *insn, uint64_t address, const struct sv_regs_ops *ops,
			     void *vcpu, struct sv_plan *plan)
{
	uint64_t dczid;

	if (ops->get(vcpu, SV_DCZID_EL0, &dczid))
		return SV_REGISTER;
	plan->count = (uint16_t)(4u << DCZID_BS(dczid));
	if (DCZID_BS(dczid) > 9)
		return SV_NOT_MEMORY;
	/* DZP speaks of DC ZVA, GVA and GZVA alone: STZGM needs the size of a block and no permission. */
	if (dczid & DCZID_DZP && insn->row->iclass == SV_CLASS_ZERO)
		return SV_NOT_MEMORY;
	plan->va = address & ~(uint64_t)(plan->count - 1);
	plan->esize = 1;
	plan->unsized = true;
	return SV_OK;
}

enum sv_status sv_zero_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			    struct sv_plan *plan)
{
	memset(plan->data, 0, plan->count);
	return SV_OK;
}

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	uint64_t where;

	if (sv_read_x(ops, vcpu, insn->Rt, &where))
		return SV_REGISTER;
	sv_plan_begin(insn, context, plan);
	/* An alignment fault on Device memory, whatever the address (DDI 0487, D8.5.2). */
	plan->align = 0;
	plan->tags = OP2(insn->word) >= OP2_GVA;
	plan->no_access = OP2(insn->word) == OP2_GVA;
	return sv_block_plan(insn, where, ops, vcpu, plan);
}

static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	return SV_OK;
}

const struct sv_performer sv_block = {address, sv_zero_data, finish};
