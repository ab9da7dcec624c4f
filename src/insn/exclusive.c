/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exclusives, for a policy that wants them carried out on a device: a load is a load, and a store fails (DDI
 * 0487, C6.2, STXR: status 1, nothing stored). The exit has cleared the monitor, so that is what the CPU
 * would say, however often the guest tries.
 */
#include "operands.h"

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	enum sv_status status = sv_general.address(insn, context, ops, vcpu, plan);

	if (status == SV_OK)
		plan->no_access = plan->write;
	return status;
}

static enum sv_status data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			   struct sv_plan *plan)
{
	return SV_OK;
}

static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	return plan->write ? sv_write_x(ops, vcpu, insn->Rs, 1)
			   : sv_general.finish(insn, context, plan, ops, vcpu);
}

const struct sv_performer sv_exclusive = {address, data, finish};
