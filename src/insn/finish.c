/* SPDX-License-Identifier: BSD-2-Clause */
#include "operands.h"

/* Element i as the destination register holds it: extended to 64 bits, or to 32 with the upper half zero. */
static uint64_t loaded(const struct sv_row *row, const struct sv_plan *plan, unsigned i)
{
	unsigned unused = 64 - 8 * plan->esize;
	uint64_t value = 0;

	for (unsigned byte = 0; byte < plan->esize; byte++)
		value |= (uint64_t)plan->data[sv_element_byte(plan, i, byte)] << 8 * byte;
	if (row->flags & SV_ROW_SIGNED)
		value = (uint64_t)((int64_t)(value << unused) >> unused);
	return row->flags & SV_ROW_SF ? value : (uint32_t)value;
}

static enum sv_status finish_general(const struct sv_insn *insn, const struct sv_plan *plan,
				     const struct sv_regs_ops *ops, void *vcpu)
{
	const uint8_t general[] = {insn->Rt, insn->Rt2};
	struct sv_atomic_registers atomic = sv_atomic_registers(insn);
	const uint8_t *transfer = plan->op ? atomic.result : general;
	enum sv_status status = SV_OK;

	for (unsigned i = 0; i < plan->count && status == SV_OK; i++)
		status = sv_write_x(ops, vcpu, transfer[i], loaded(insn->row, plan, i));
	return status;
}

/* A load of one lane keeps the others; every other load zeroes what it does not fill. */
static enum sv_status finish_vectors(const struct sv_insn *insn, const struct sv_plan *plan,
				     const struct sv_regs_ops *ops, void *vcpu)
{
	unsigned copies = insn->row->form == SV_FORM_REPLICATE ? insn->lanes : 1;
	uint8_t values[4][16] = {{0}};
	enum sv_status status = SV_OK;

	for (unsigned which = 0; insn->row->form == SV_FORM_LANE && which < insn->row->registers; which++) {
		status = ops->get_simd(vcpu, sv_vector_register(insn, which), values[which]);
		if (status != SV_OK)
			return status;
	}
	for (unsigned i = 0; i < plan->count; i++) {
		struct sv_lane lane = sv_element_lane(insn, i);

		for (unsigned byte = 0; byte < plan->esize; byte++)
			for (unsigned copy = 0; copy < copies; copy++)
				values[lane.which][lane.byte + copy * plan->esize + byte] =
					plan->data[sv_element_byte(plan, i, byte)];
	}
	for (unsigned which = 0; which < insn->row->registers && status == SV_OK; which++)
		status = ops->set_simd(vcpu, sv_vector_register(insn, which), values[which]);
	return status;
}

enum sv_status sv_write_base(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	return plan->writeback ? ops->set(vcpu, sv_base_register(insn, context), plan->base) : SV_OK;
}

enum sv_status sv_general_finish(const struct sv_insn *insn, const struct sv_context *context,
				 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	bool general = insn->row->form == SV_FORM_GENERAL, loads = !plan->write || plan->op;
	enum sv_status status = SV_OK;

	if (loads && !general && !(ops->get_simd && ops->set_simd))
		return SV_REGISTER;
	if (loads)
		status = (general ? finish_general : finish_vectors)(insn, plan, ops, vcpu);
	return status == SV_OK ? sv_write_base(insn, context, plan, ops, vcpu) : status;
}

enum sv_status sv_finish(const struct sv_insn *insn, const struct sv_context *context,
			 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	return sv_performer(insn->row)->finish(insn, context, plan, ops, vcpu);
}
