/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs code at EL0 under software step (DDI 0487, D2.12), one exception an instruction, and keeps what each
 * said.
 */
#ifndef STEP_H
#define STEP_H

#include "guest.h"

#define STEPS 16

struct step {
	uint64_t elr, spsr;
};

extern struct step steps[STEPS];
extern unsigned step_count;
extern struct frame step_end; /* the registers at the SVC that ends the code */

/* code must end in SVC; x0 is handed to it. The MMU is off, so EL0 may run it in place. */
void step_run(const uint32_t *code, uint64_t x0);

#endif
