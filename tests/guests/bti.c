/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PSTATE.BTYPE, set by an indirect branch, is cleared by the instruction it leads to, whoever performs that
 * one.
 */
#include "step.h"

#define BTYPE(spsr) ((spsr) >> 10 & 3)

__asm__(".text\n"
	"code:\n"
	"	adr x10, 1f\n"
	"	br x10\n"
	"1:	str x10, [x0], #8\n"
	"	nop\n"
	"	svc #0\n");
extern const uint32_t code[];

void guest_main(uint64_t dtb)
{
	uint64_t features;

	__asm__("mrs %0, id_aa64pfr1_el1" : "=r"(features));
	if (!(features & 0xf)) {
		guest_print("bti: this CPU has no FEAT_BTI\n");
		guest_exit(77);
	}
	step_run(code, RECORDER);
	EQUAL(step_count, 4);
	/* A page that is not guarded gives BTYPE 01 for BR. */
	EQUAL(BTYPE(steps[1].spsr), 1);
	EQUAL(BTYPE(steps[2].spsr), 0);
	EQUAL(BTYPE(steps[3].spsr), 0);
	EQUAL(step_end.x[0], RECORDER + 8);
	EQUAL(read64(RECORDER), (uint64_t)(code + 2));
}
