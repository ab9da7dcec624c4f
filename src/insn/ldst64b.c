/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LD64B, ST64B and ST64BV: eight registers as one access of 64 bytes (DDI 0487, C3.2.6). In a big-endian
 * context each register is reversed alone (C6.2, LD64B).
 */
#include "operands.h"

#define REGISTERS 8

/* opc of "Atomic memory operations" (DDI 0487, C4.1). */
#define opc(word)  ((word) >> 12 & 7)
#define OPC_ST64BV 3

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	uint64_t base;

	if (ops->get(vcpu, sv_base_register(insn, context), &base))
		return SV_REGISTER;
	sv_plan_begin(insn, context, plan);
	plan->va = base;
	plan->esize = 8;
	plan->count = REGISTERS;
	plan->align = 64;
	plan->single = true;
	plan->responds = opc(insn->word) == OPC_ST64BV;
	return SV_OK;
}

static enum sv_status data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			   struct sv_plan *plan)
{
	for (unsigned i = 0; i < REGISTERS; i++) {
		uint64_t value;

		if (sv_read_x(ops, vcpu, insn->Rt + i, &value))
			return SV_REGISTER;
		for (unsigned byte = 0; byte < 8; byte++)
			plan->data[sv_element_byte(plan, i, byte)] = (uint8_t)(value >> 8 * byte);
	}
	return SV_OK;
}

static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	if (plan->write)
		return plan->responds ? sv_write_x(ops, vcpu, insn->Rs, plan->response) : SV_OK;
	for (unsigned i = 0; i < REGISTERS; i++) {
		uint64_t value = 0;

		for (unsigned byte = 0; byte < 8; byte++)
			value |= (uint64_t)plan->data[sv_element_byte(plan, i, byte)] << 8 * byte;
		if (sv_write_x(ops, vcpu, insn->Rt + i, value))
			return SV_REGISTER;
	}
	return SV_OK;
}

const struct sv_performer sv_ldst64b = {address, data, finish};
