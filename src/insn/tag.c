/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LDG, STG and friends (DDI 0487, C6.2). Behind devices there are no tags: they read as zero and what is
 * written to them is lost (AArch64.MemTag), but the data that STZG and its like zero with them is real. The
 * session refuses them where they meet memory, whose tags userspace has no business with.
 */
#include "block.h"

#define GRANULE 16

/* GMID_EL1.BS is 6 at most: the bulk forms access the tags of 256 bytes, aligned, or of less. */
#define BULK 256

/* opc and op2 of "Load/store memory tags" (DDI 0487, C4.1). */
#define opc(word) ((word) >> 22 & 3)
#define op2(word) ((word) >> 10 & 3)

static const struct form {
	uint16_t bytes; /* 0: as DC ZVA */
	bool aligns;    /* the address is rounded down; else it must be aligned */
	bool zeroes;
} forms[][2] = {
	/* op2 = 0            others */
	{{0, true, true}, {GRANULE, false, false}},         /* STZGM  STG */
	{{GRANULE, true, false}, {GRANULE, false, true}},   /* LDG    STZG */
	{{BULK, true, false}, {2 * GRANULE, false, false}}, /* STGM   ST2G */
	{{BULK, true, false}, {2 * GRANULE, false, true}},  /* LDGM   STZ2G */
};

static const struct form *form_of(const struct sv_insn *insn)
{
	return &forms[opc(insn->word)][op2(insn->word) != 0];
}

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	const struct form *form = form_of(insn);
	uint64_t base, moved;

	if (ops->get(vcpu, sv_base_register(insn, context), &base))
		return SV_REGISTER;
	moved = base + (uint64_t)insn->imm;
	sv_plan_begin(insn, context, plan);
	plan->writeback = insn->row->mode == SV_MODE_PRE || insn->row->mode == SV_MODE_POST;
	plan->base = moved;
	plan->va = insn->row->mode == SV_MODE_POST ? base : moved;
	plan->esize = 1;
	plan->unsized = true;
	plan->tags = true;
	plan->no_access = !form->zeroes;
	plan->align = form->aligns ? 1 : GRANULE;
	if (!form->bytes)
		return sv_block_plan(insn, plan->va, ops, vcpu, plan);
	if (form->aligns)
		plan->va &= ~(uint64_t)(form->bytes - 1);
	plan->count = form->bytes;
	return SV_OK;
}

/* AddressWithAllocationTag() of tag zero; LDGM has tags only, all zero. */
static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	uint64_t value = 0;

	if (plan->write)
		return sv_write_base(insn, context, plan, ops, vcpu);
	if (plan->count == GRANULE && sv_read_x(ops, vcpu, insn->Rt, &value))
		return SV_REGISTER;
	return sv_write_x(ops, vcpu, insn->Rt, value & ~(UINT64_C(0xf) << 56));
}

const struct sv_performer sv_tag = {address, sv_zero_data, finish};
