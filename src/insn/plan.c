/* SPDX-License-Identifier: BSD-2-Clause */
#include "operands.h"

/* Xn with 31 as the zero register, which costs no read. */
static enum sv_status read(const struct sv_regs_ops *ops, void *vcpu, unsigned number, uint64_t *value)
{
	if (number != 31)
		return ops->get(vcpu, SV_X0 + number, value);
	*value = 0;
	return SV_OK;
}

static uint64_t extend(uint64_t value, unsigned option, unsigned amount)
{
	if (!(option & 1)) /* UXTW, SXTW */
		value = option & 4 ? (uint64_t)(int32_t)value : (uint32_t)value;
	return value << amount;
}

/* Data accesses are big-endian by SCTLR_EL1.E0E at EL0 and by SCTLR_EL1.EE above (DDI 0487, BigEndian()). */
static bool big_endian(const struct sv_context *context)
{
	return context->sctlr_el1 & (SV_PSTATE_EL(context->pstate) ? SV_SCTLR_EE : SV_SCTLR_E0E);
}

enum sv_status sv_plan_address(const struct sv_insn *insn, const struct sv_context *context,
			       const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	const struct sv_row *row = insn->row;
	uint64_t base = context->pc, offset = insn->imm;
	enum sv_status status = SV_OK;

	if (row->mode != SV_MODE_LITERAL)
		status = ops->get(vcpu, sv_base_register(insn, context), &base);
	if (status == SV_OK && row->mode == SV_MODE_REGISTER) {
		status = read(ops, vcpu, insn->Rm, &offset);
		offset = extend(offset, insn->option, insn->amount);
	}
	if (status != SV_OK)
		return status;

	*plan = (struct sv_plan){
		.va = row->mode == SV_MODE_POST ? base : base + offset,
		.esize = row->esize,
		.count = row->count,
		.write = row->flags & SV_ROW_STORE,
		.unprivileged = row->flags & SV_ROW_UNPRIV,
		.acquire = row->flags & SV_ROW_ACQUIRE,
		.release = row->flags & SV_ROW_RELEASE,
		.big_endian = big_endian(context),
		.writeback = row->mode == SV_MODE_PRE || row->mode == SV_MODE_POST,
		.base = base + offset,
	};
	return SV_OK;
}

enum sv_status sv_plan_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			    struct sv_plan *plan)
{
	const uint8_t transfer[] = {insn->Rt, insn->Rt2};

	if (!plan->write)
		return SV_OK;
	for (unsigned i = 0; i < plan->count; i++) {
		uint64_t value;
		enum sv_status status = read(ops, vcpu, transfer[i], &value);

		if (status != SV_OK)
			return status;
		for (unsigned byte = 0; byte < plan->esize; byte++)
			plan->data[sv_element_byte(plan, i, byte)] = value >> 8 * byte;
	}
	return SV_OK;
}
