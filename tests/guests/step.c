/* SPDX-License-Identifier: BSD-2-Clause */
/* A single-stepping debugger inside the guest sees every instruction once, whoever performed it. */
#include "step.h"

__asm__(".text\n"
	"code:\n"
	"	mov x1, #7\n"
	"	stp x1, xzr, [x0], #16\n"
	"	ldr x2, [x0, #-16]!\n"
	"	ldp x1, x3, [x0]\n"
	"	str x1, [x0, #32]\n"
	"	add x3, x3, #1\n"
	"	svc #0\n");
extern const uint32_t code[];

void guest_main(uint64_t dtb)
{
	step_run(code, RECORDER);
	/* The last step exception comes before the SVC, which is not stepped over but taken. */
	EQUAL(step_count, 6);
	for (unsigned i = 0; i < 6; i++)
		EQUAL(steps[i].elr, (uint64_t)(code + i + 1));
	EQUAL(step_end.x[0], RECORDER);
	EQUAL(step_end.x[2], 7);
	EQUAL(step_end.x[3], 1);
	EQUAL(read64(RECORDER + 32), 7);
}
