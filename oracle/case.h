/* SPDX-License-Identifier: BSD-2-Clause */
/* A case: one instruction, or the three of a memory copy, with the state it runs on. */
#ifndef CASE_H
#define CASE_H

#include <salvage/insn.h>

#include "map.h"

/*
 * Each case owns this much of the data, around a multiple of it: every fourth, every second or each lies
 * across pages.
 */
#define WINDOW_MOST 16384

/* What a memory copy or set has to do: all of it, or what is left when the case begins. */
struct copy {
	unsigned to, from, bytes; /* in the window */
	bool device, from_device; /* by which view */
	uint8_t tag, from_tag;    /* top bytes */
	bool backward;
	bool corrupts;      /* a forward copy onto its own source: what comes of it nobody says */
	uint8_t stage;      /* that it begins with: prologue, main, epilogue */
	uint8_t generation; /* how often salvage has taken a part in it */
};

struct job {
	const struct sv_row *row; /* what it was drawn from */
	struct sv_insn insn;      /* what we decode */
	struct setting setting;
	uint64_t number;
	unsigned slot;
	unsigned at;    /* the window's offset into the data, in VA order */
	unsigned bytes; /* of the window */
	bool device;    /* through the Device view of the data */
	struct copy copy;
	struct registers in;
	uint64_t v[32][2];
	/* In place of v if setting.kind is KIND_VECTOR: setting.vector bytes of each Z, an eighth of P. */
	uint8_t z[VECTORS_Z], p[VECTORS_P];
	uint8_t window[WINDOW_MOST]; /* the memory before */
};

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t case_window_va(const struct job *job)
{
	return (job->device ? DEVICE_VA : NORMAL_VA) + job->at;
}

/* The address that the instruction accesses first, or 0 where registers give none. */
uint64_t case_va(const struct job *job);

/* Whether accesses have to be aligned on any memory. */
bool case_is_ordered(const struct sv_row *row);

enum kind case_kind(const struct sv_row *row);

/* How many cases a batch of the kind has. */
unsigned case_count(enum kind kind);

/* How far MTE's bulk forms and DC ZVA go: bytes, a power of two. */
unsigned case_block(const struct job *job);

/* The setting of a batch; lengths are those of struct mail. */
struct setting case_setting(enum kind kind, const struct mail *mail, uint64_t *random);

/* Where the case's code is, by its number: apart from all others that are under way. */
uint64_t case_code(const struct job *job);

/* Gives the case its place: case i of batch number of the three. */
void case_locate(struct job *job, unsigned batch, unsigned i);

/*
 * Draws a case of a row: word, registers, memory. Returns how many words it threw away because they are
 * CONSTRAINED UNPREDICTABLE. Place, number and setting of the job are given.
 */
unsigned case_draw(struct job *job, const struct sv_row *row, uint64_t *random);

/* Gives the base register the value that makes the instruction access target, if there is one. */
void case_aim(struct job *job, uint64_t target);

/* Writes the case into the guest's memory. */
void case_place(const struct job *job, const struct machine *machine);

/*
 * Whether a pass has written behind the page in the middle of the window, where physical memory has a gap;
 * and makes it clean again.
 */
bool case_strayed(const struct job *job, const struct machine *machine);

/* Reads the window as a pass left it. */
void case_window_read(const struct job *job, const struct machine *machine, enum pass pass, uint8_t *window);

#endif
