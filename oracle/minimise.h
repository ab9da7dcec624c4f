/* SPDX-License-Identifier: BSD-2-Clause */
/* A failing case made simple, and written as a line that tests/insn/execute.txt takes. */
#ifndef MINIMISE_H
#define MINIMISE_H

#include "judge.h"

void minimise(struct job *job, const char *what, struct machine *machine, unsigned version, char *line,
	      size_t size);

#endif
