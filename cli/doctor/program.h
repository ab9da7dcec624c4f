/* SPDX-License-Identifier: BSD-2-Clause */
/* What the preload has to know of an ELF file. */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "doctor.h"

struct program {
	uint16_t machine, type; /* EM_*, ET_* */
	bool dynamic;           /* it has an interpreter, */
	char interpreter[256];  /* this one */
	bool imports_ioctl;
};

/* False if fd is no ELF file. */
bool program_read(int fd, struct program *program);

/* Lines about the file at path, which messages call shown; start: and about what starting it would mean. */
void doctor_open_program(struct doctor *doctor, const char *path, const char *shown, bool start);

#endif
