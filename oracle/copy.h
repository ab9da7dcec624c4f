/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory copies and sets: three instructions, prologue, main and epilogue, of which an abort may interrupt
 * any, after any part of the work. What is right then is not one state: registers denote what is left, and
 * memory is what it was, with the rest done.
 */
#ifndef COPY_H
#define COPY_H

#include "judge.h"

/* Draws what is to be done, of a job whose word is drawn, and sets the registers. */
void copy_draw(struct job *job, uint64_t *random);

/* What follows from where a copy goes: its direction, and whether it corrupts what it copies. */
void copy_settle(struct job *job);

/* Sets the registers by job->copy. */
void copy_encode(struct job *job);

/* The word of a stage, 0 to 2. */
uint32_t copy_word(const struct job *job, unsigned stage);

/*
 * All passes against each other and against a session on each abort. If one of the sessions left work to do,
 * *rest (NULL: not wanted) becomes a job that has QEMU go on with it; rest->row is NULL if none did.
 */
const char *copy_judge(const struct job *job, const struct machine *machine, struct figures *figures,
		       struct job *rest);

/*
 * What a session has to do on an abort with these registers: how much is salvage's choice, the rest follows.
 * False if the registers are none of the job's.
 */
struct chunk {
	struct sv_insn insn; /* of the stage */
	unsigned count, offset;
	uint64_t to, from;
	uint8_t bytes[SV_PLAN_BYTES];
	struct registers after;
};

bool copy_chunk(const struct job *job, const struct registers *registers, struct chunk *chunk);

/* Moves a job that copy_judge made to the place and number that it has got since. */
void copy_move(struct job *job, unsigned at);

#endif
