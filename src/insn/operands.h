/* SPDX-License-Identifier: BSD-2-Clause */
/* What plan and finish share: the base register, and elements in memory order. Private. */
#ifndef SALVAGE_OPERANDS_H
#define SALVAGE_OPERANDS_H

#include <salvage/insn.h>

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
