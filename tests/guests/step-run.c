/* SPDX-License-Identifier: BSD-2-Clause */
#include "step.h"

#define SPSR_SS  (1ul << 21)
#define SPSR_DIF 0x1c0ul /* all but debug exceptions masked */
#define MDSCR_SS 1ul

struct step steps[STEPS];
unsigned step_count;
struct frame step_end;
static uint64_t resume_at;

bool guest_handle(struct frame *frame)
{
	switch (EC(frame->esr)) {
	case EC_STEP_EL0:
		if (step_count < STEPS)
			steps[step_count] = (struct step){frame->elr, frame->spsr};
		step_count++;
		frame->spsr |= SPSR_SS;
		return true;
	case EC_SVC:
		step_end = *frame;
		frame->elr = resume_at;
		frame->spsr = 0x3c5;
		return true;
	}
	return false;
}

void step_run(const uint32_t *code, uint64_t x0)
{
	step_count = 0;
	__asm__ volatile("msr oslar_el1, xzr\n\tmsr mdscr_el1, %0\n\tisb" : : "r"(MDSCR_SS));
	__asm__ volatile("adr x9, 1f\n\tstr x9, [%2]\n\t"
			 "msr elr_el1, %1\n\tmsr spsr_el1, %3\n\t"
			 "mov x0, %0\n\teret\n"
			 "1:"
			 :
			 : "r"(x0), "r"(code), "r"(&resume_at), "r"(SPSR_SS | SPSR_DIF)
			 : "x0", "x1", "x2", "x3", "x9", "x10", "memory");
	__asm__ volatile("msr mdscr_el1, xzr\n\tisb");
}
