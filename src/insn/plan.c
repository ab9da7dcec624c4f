/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address and data sides of a plan: of most instructions, and the choice of a performer for the others.
 */
#include <string.h>

#include "operands.h"

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

/* What is added to the base, if not the immediate: an index, or what LD1 to LD4 move their base by. */
static enum sv_status read_offset(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
				  uint64_t *offset)
{
	const struct sv_row *row = insn->row;
	enum sv_status status;

	if (row->mode == SV_MODE_POST && row->form >= SV_FORM_MULTIPLE && insn->Rm != 31)
		return ops->get(vcpu, SV_X0 + insn->Rm, offset);
	if (row->mode != SV_MODE_REGISTER)
		return SV_OK;
	status = sv_read_x(ops, vcpu, insn->Rm, offset);
	*offset = extend(*offset, insn->option, insn->amount);
	return status;
}

void sv_plan_begin(const struct sv_insn *insn, const struct sv_context *context, struct sv_plan *plan)
{
	const struct sv_row *row = insn->row;

	/* What comes behind is long, and written before it is read. */
	memset(plan, 0, offsetof(struct sv_plan, operand));
	plan->esize = plan->align = insn->esize;
	plan->count = insn->count;
	plan->write = row->flags & SV_ROW_STORE;
	plan->unprivileged = row->flags & SV_ROW_UNPRIV;
	plan->acquire = row->flags & SV_ROW_ACQUIRE;
	plan->release = row->flags & SV_ROW_RELEASE;
	plan->op = row->op;
	plan->single = row->op != SV_OP_NONE;
	plan->big_endian = big_endian(context);
}

static enum sv_status general_address(const struct sv_insn *insn, const struct sv_context *context,
				      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	const struct sv_row *row = insn->row;
	uint64_t base = context->pc, offset = (uint64_t)insn->imm;
	enum sv_status status = SV_OK;

	if (row->mode != SV_MODE_LITERAL)
		status = ops->get(vcpu, sv_base_register(insn, context), &base);
	if (status == SV_OK)
		status = read_offset(insn, ops, vcpu, &offset);
	if (status != SV_OK)
		return status;
	sv_plan_begin(insn, context, plan);
	plan->va = row->mode == SV_MODE_POST ? base : base + offset;
	plan->writeback = row->mode == SV_MODE_PRE || row->mode == SV_MODE_POST;
	plan->base = base + offset;
	if (row->iclass == SV_CLASS_TAG) { /* STGP: a granule */
		plan->align = 16;
		plan->tags = true;
	} else if (row->op) {
		plan->align = (uint8_t)(insn->esize * insn->count);
	}
	return SV_OK;
}

/* General-purpose registers as elements in memory order. */
static enum sv_status read_elements(const struct sv_plan *plan, const uint8_t *registers,
				    const struct sv_regs_ops *ops, void *vcpu, uint8_t *data)
{
	for (unsigned i = 0; i < plan->count; i++) {
		uint64_t value;
		enum sv_status status = sv_read_x(ops, vcpu, registers[i], &value);

		if (status != SV_OK)
			return status;
		for (unsigned byte = 0; byte < plan->esize; byte++)
			data[sv_element_byte(plan, i, byte)] = (uint8_t)(value >> 8 * byte);
	}
	return SV_OK;
}

static enum sv_status atomic_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
				  struct sv_plan *plan)
{
	struct sv_atomic_registers registers = sv_atomic_registers(insn);
	enum sv_status status = read_elements(plan, registers.operand, ops, vcpu, plan->operand);

	if (status == SV_OK && plan->op == SV_OP_CAS)
		status = read_elements(plan, registers.compare, ops, vcpu, plan->compare);
	return status;
}

static enum sv_status vector_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
				  struct sv_plan *plan)
{
	uint8_t values[4][16];

	for (unsigned which = 0; which < insn->row->registers; which++) {
		enum sv_status status = ops->get_simd(vcpu, sv_vector_register(insn, which), values[which]);

		if (status != SV_OK)
			return status;
	}
	for (unsigned i = 0; i < plan->count; i++) {
		struct sv_lane lane = sv_element_lane(insn, i);

		for (unsigned byte = 0; byte < plan->esize; byte++)
			plan->data[sv_element_byte(plan, i, byte)] = values[lane.which][lane.byte + byte];
	}
	return SV_OK;
}

static enum sv_status general_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
				   struct sv_plan *plan)
{
	const uint8_t transfer[] = {insn->Rt, insn->Rt2};

	if (plan->op)
		return atomic_data(insn, ops, vcpu, plan);
	if (insn->row->form == SV_FORM_GENERAL)
		return read_elements(plan, transfer, ops, vcpu, plan->data);
	return ops->get_simd ? vector_data(insn, ops, vcpu, plan) : SV_REGISTER;
}

const struct sv_performer sv_general = {general_address, general_data, sv_general_finish};

const struct sv_performer *sv_performer(const struct sv_row *row)
{
	static const struct sv_performer *const by_class[SV_CLASS_COUNT] = {
		[SV_CLASS_LDST64B] = &sv_ldst64b,     [SV_CLASS_MOPS] = &sv_mops, [SV_CLASS_ZERO] = &sv_block,
		[SV_CLASS_EXCLUSIVE] = &sv_exclusive, [SV_CLASS_TAG] = &sv_tag,   [SV_CLASS_SVE] = &sv_sve,
	};

	/*
	 * Refused, unless a policy says otherwise; its abort is about the address where it would have gone.
	 */
	if (row->refusal && row->refusal != SV_REFUSAL_EXCLUSIVE)
		return NULL;
	/* Of the tag instructions STGP alone transfers registers. */
	if (!by_class[row->iclass] || (row->iclass == SV_CLASS_TAG && row->esize == 8))
		return &sv_general;
	return by_class[row->iclass];
}

enum sv_status sv_plan_address(const struct sv_insn *insn, const struct sv_context *context,
			       const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	const struct sv_performer *performer = sv_performer(insn->row);

	return performer ? performer->address(insn, context, ops, vcpu, plan) : SV_UNSUPPORTED;
}

enum sv_status sv_plan_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			    struct sv_plan *plan)
{
	return plan->write ? sv_performer(insn->row)->data(insn, ops, vcpu, plan) : SV_OK;
}
