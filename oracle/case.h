/* SPDX-License-Identifier: BSD-2-Clause */
/* A case: one instruction with the state it runs on. */
#ifndef CASE_H
#define CASE_H

#include <salvage/insn.h>

#include "map.h"

/* Each slot owns this much of the data, around a multiple of 1 KiB; every fourth lies across two pages. */
#define WINDOW_BYTES 1024

struct job {
	const struct sv_row *row; /* what it was drawn from */
	struct sv_insn insn;      /* what we decode */
	struct setting setting;
	uint64_t number;
	unsigned slot;
	bool device; /* through the Device view of the data */
	struct registers in;
	uint64_t v[32][2];
	uint8_t window[WINDOW_BYTES]; /* the memory before */
};

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Offset of the window into the data, in VA order. */
static inline uint64_t case_window(const struct job *job)
{
	return WINDOW_BYTES * (uint64_t)(job->slot + 1) - WINDOW_BYTES / 2;
}

static inline uint64_t case_window_va(const struct job *job)
{
	return (job->device ? DEVICE_VA : NORMAL_VA) + case_window(job);
}

/* Whether accesses have to be aligned on any memory. */
bool case_is_ordered(const struct sv_row *row);

/*
 * Whether nobody knows where an instruction goes: refused ones whose address or length is in predicates,
 * vectors or a random size. They have batches of their own, in which nothing can be written: another case's
 * memory would suffer.
 */
bool case_is_unaimed(const struct sv_row *row);

struct setting case_setting(uint64_t *random);

/*
 * Draws a case of a row: word, registers, memory. Returns how many words it threw away because they are
 * CONSTRAINED UNPREDICTABLE. slot and setting of the job are given.
 */
unsigned case_draw(struct job *job, const struct sv_row *row, uint64_t *random);

/* Gives the base register the value that makes the instruction access target, if there is one. */
void case_aim(struct job *job, uint64_t target);

/* Writes the case into the guest's memory. */
void case_place(const struct job *job, const struct machine *machine);

/* Reads the window from the guest's memory. */
void case_window_read(const struct job *job, const struct machine *machine, uint8_t *window);

#endif
