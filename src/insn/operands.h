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
	return element * plan->esize + (plan->big_endian ? plan->esize - 1 - i : i);
}

#endif
