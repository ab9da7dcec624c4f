/* SPDX-License-Identifier: BSD-2-Clause */
/* A program, as the preload sees it. */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include <stdbool.h>

#include "../program.h"
#include "doctor.h"

/* Lines about the file at path, which messages call shown; start: and about what starting it would mean. */
void doctor_open_program(struct doctor *doctor, const char *path, const char *shown, bool start);

#endif
