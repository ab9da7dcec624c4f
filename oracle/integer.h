/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The integer oracle: softkvm's CPU against QEMU, an instruction of a64-integer.isa at a time, on random
 * registers and flags. The bare-metal program and the stages' tables are those of the loads and stores.
 */
#ifndef INTEGER_H
#define INTEGER_H

#include "run.h"

/* Everything; an exit status. */
int integer_main(const struct options *options, const char *version);

/* Whether softkvm's CPU has an encoding of this name. */
bool integer_has_row(const char *name);

#endif
