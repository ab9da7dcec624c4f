/* SPDX-License-Identifier: BSD-2-Clause */
/* Both stages' tables in the guest's memory, and the same as our session sees it: an IPA space. */
#ifndef MAP_H
#define MAP_H

#include <salvage/space.h>

#include "machine.h"

/* What stage 2 makes of the data, pass by pass. */
enum pass {
	PASS_MEMORY, /* readable and writable: the case runs to its end */
	PASS_HOLE,   /* not there */
	PASS_ODD,    /* odd pages are not there: what crosses a page is half memory, half device */
	PASS_READ,   /* read-only */
};

/* What a batch shares. */
struct setting {
	bool ee, e0e;    /* SCTLR_EL1: data is big-endian at EL1, at EL0 */
	bool tbi;        /* TCR_EL1.TBI0: addresses carry tags */
	bool privileged; /* EL0 may not touch the Device view of the data */
	bool fenced;     /* no pass can write the data */
};

void map_build(const struct machine *machine);

/* The system registers of a batch. */
void map_batch(const struct setting *setting, struct batch *batch);

/* The IPA space that a pass shows to our session; PASS_MEMORY shows memory. */
const struct sv_space *map_space(enum pass pass);

/* Fills the spaces; ram is the guest's memory. */
void map_spaces(const struct machine *machine);

/* Offset into the data, as VA and as IPA order it; its own inverse. */
static inline uint64_t map_swap(uint64_t offset)
{
	return offset ^ 0x1000;
}

#endif
