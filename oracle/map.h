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

/* What cases need in common to share a batch. */
enum kind {
	KIND_PLAIN,
	/*
	 * Nobody knows where they go: refused ones whose address or length is in predicates, vectors or a
	 * random size. No pass can write the data: another case's memory would suffer.
	 */
	KIND_UNAIMED,
	KIND_VECTOR, /* vectors longer than 16 bytes, predicates; what goes far */
	KIND_COPY,   /* memory copies and sets: all three stages, and registers after each pass */
	KINDS,
};

/* What a batch shares. */
struct setting {
	enum kind kind;
	bool ee, e0e;    /* SCTLR_EL1: data is big-endian at EL1, at EL0 */
	bool tbi;        /* TCR_EL1.TBI0: addresses carry tags */
	bool privileged; /* EL0 may not touch the Device view of the data */
	bool torn;       /* odd pages of the data, as VA orders them, are not there for stage 1 */
	unsigned len;    /* ZCR_EL2.LEN */
	unsigned vector; /* bytes of a vector that come of it */
	uint64_t dczid;  /* DCZID_EL0, of all batches */
};

void map_build(const struct machine *machine);

/* The system registers of a batch. */
void map_batch(const struct setting *setting, struct batch *batch);

/* The IPA space that a pass shows to our session; PASS_MEMORY shows memory. */
const struct sv_space *map_space(enum pass pass);

/* Fills the spaces; ram is the guest's memory. */
void map_spaces(const struct machine *machine);

/* Where a pass has the byte of the data that is so far in, as VA orders it. */
uint8_t *map_data(const struct machine *machine, enum pass pass, uint64_t offset);

/* Offset into the data, as VA and as IPA order it; its own inverse. */
static inline uint64_t map_swap(uint64_t offset)
{
	return offset ^ 0x1000;
}

#endif
