/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ways to perform an instruction share: registers, and elements in memory order. Private. */
#ifndef SALVAGE_OPERANDS_H
#define SALVAGE_OPERANDS_H

#include <salvage/insn.h>

/*
 * How instructions of a kind are performed: the three calls of insn.h behind their common checks. data is
 * called for what writes memory.
 */
struct sv_performer {
	enum sv_status (*address)(const struct sv_insn *insn, const struct sv_context *context,
				  const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan);
	enum sv_status (*data)(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			       struct sv_plan *plan);
	enum sv_status (*finish)(const struct sv_insn *insn, const struct sv_context *context,
				 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu);
};

extern const struct sv_performer sv_general; /* registers and a run of elements: most instructions */
extern const struct sv_performer sv_block;   /* DC ZVA, GVA, GZVA */
extern const struct sv_performer sv_exclusive;
extern const struct sv_performer sv_tag; /* LDG, STG and friends */
extern const struct sv_performer sv_ldst64b;
extern const struct sv_performer sv_mops;
extern const struct sv_performer sv_sve;

/* How the row is performed; NULL if it is not. */
const struct sv_performer *sv_performer(const struct sv_row *row);

/* All of the plan up to the operands: what row and settings say; the rest is zero. */
void sv_plan_begin(const struct sv_insn *insn, const struct sv_context *context, struct sv_plan *plan);

enum sv_status sv_general_finish(const struct sv_insn *insn, const struct sv_context *context,
				 const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu);

/* The common end: the base register, if it is written back. */
enum sv_status sv_write_base(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu);

/* Xn with 31 as the zero register, which costs no call. */
static inline enum sv_status sv_read_x(const struct sv_regs_ops *ops, void *vcpu, unsigned number,
				       uint64_t *value)
{
	if (number != 31)
		return ops->get(vcpu, SV_X0 + number, value);
	*value = 0;
	return SV_OK;
}

static inline enum sv_status sv_write_x(const struct sv_regs_ops *ops, void *vcpu, unsigned number,
					uint64_t value)
{
	return number != 31 ? ops->set(vcpu, SV_X0 + number, value) : SV_OK;
}

/* Register 31 as a base is the stack pointer that PSTATE.EL and PSTATE.SP select (DDI 0487, C1.2.5). */
static inline enum sv_reg sv_base_register(const struct sv_insn *insn, const struct sv_context *context)
{
	if (insn->Rn != 31)
		return SV_X0 + insn->Rn;
	return SV_PSTATE_EL(context->pstate) && context->pstate & SV_PSTATE_SP ? SV_SP_EL1 : SV_SP_EL0;
}

/* Where byte i of element, counted from the least significant, lies in plan->data. */
static inline unsigned sv_element_byte(const struct sv_plan *plan, unsigned element, unsigned i)
{
	return element * plan->esize + (plan->big_endian ? plan->esize - 1u - i : i);
}

/* The general-purpose registers of an atomic, one for each element. compare is that of a compare-and-swap. */
struct sv_atomic_registers {
	uint8_t operand[2], compare[2], result[2];
};

struct sv_atomic_registers sv_atomic_registers(const struct sv_insn *insn);

/*
 * Which of the instruction's vector registers element i belongs to, and where in it: the first of its
 * bytes.
 */
struct sv_lane {
	unsigned which, byte;
};

static inline struct sv_lane sv_element_lane(const struct sv_insn *insn, unsigned i)
{
	unsigned dealt = insn->row->count;

	switch (insn->row->form) {
	case SV_FORM_MULTIPLE:
		if (dealt == 1)
			return (struct sv_lane){i / insn->lanes, i % insn->lanes * insn->esize};
		return (struct sv_lane){i % dealt, i / dealt * insn->esize};
	case SV_FORM_LANE:
		return (struct sv_lane){i, (unsigned)insn->index * insn->esize};
	default:
		return (struct sv_lane){i, 0};
	}
}

/* The number of vector register which: Rt and Rt2 of a pair, else Rt and those after it, modulo 32. */
static inline unsigned sv_vector_register(const struct sv_insn *insn, unsigned which)
{
	if (insn->row->form == SV_FORM_SIMD)
		return which ? insn->Rt2 : insn->Rt;
	return (insn->Rt + which) % 32;
}

#endif
