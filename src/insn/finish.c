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

enum sv_status sv_finish(const struct sv_insn *insn, const struct sv_context *context,
			 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	const uint8_t transfer[] = {insn->Rt, insn->Rt2};
	enum sv_status status = SV_OK;

	for (unsigned i = 0; !plan->write && i < plan->count && status == SV_OK; i++)
		if (transfer[i] != 31)
			status = ops->set(vcpu, SV_X0 + transfer[i], loaded(insn->row, plan, i));
	if (plan->writeback && status == SV_OK)
		status = ops->set(vcpu, sv_base_register(insn, context), plan->base);
	return status;
}
