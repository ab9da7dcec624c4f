/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/regs.h>

#include "insn/tables.h"
#include "case.h"
#include "model.h"

#define MANY        1000000
#define BRK         UINT64_C(0xd4200000)
#define PSTATE_DAIF 0x3c0

static bool chance(uint64_t *random, unsigned of)
{
	return !(random_next(random) % of);
}

struct setting case_setting(uint64_t *random)
{
	return (struct setting){
		.ee = chance(random, 8),
		.e0e = chance(random, 8),
		.tbi = chance(random, 4),
		.privileged = chance(random, 4),
	};
}

/* The places of five-bit register fields in A64. */
static const uint8_t places[] = {0, 5, 10, 16};

/*
 * A word of the row: random, with the registers that mean something else (31) and coincidences more often
 * than chance has them.
 */
static uint32_t draw_word(const struct sv_row *row, uint64_t *random)
{
	const struct sv_layout *layout = &sv_a64.layouts[row->layout];
	uint64_t bits = random_next(random);
	uint32_t word = (uint32_t)bits, choice = (uint32_t)(bits >> 32);

	for (unsigned i = 0; i < 4; i++, choice >>= 4) {
		uint32_t field = UINT32_C(31) << places[i];
		uint32_t other = word >> places[(i + 1) & 3] & 31;

		if ((choice & 15) == 0)
			word |= field;
		if ((choice & 15) == 1)
			word = (word & ~field) | other << places[i];
	}
	if ((choice & 7) == 0) /* the ends of an immediate */
		word &= ~UINT32_C(0x3ffc00);
	if ((choice & 7) == 1)
		word |= UINT32_C(0x1ffc00);
	if (choice >> 3 & 31)
		word = (word & ~layout->should_mask) | layout->should_value;
	return row->value | (word & ~row->mask);
}

static uint64_t draw_value(uint64_t *random)
{
	static const uint64_t ends[] = {0,          1,          0x7f,      0x80,      0x7fff,    0x8000,
					0x7fffffff, 0x80000000, INT64_MAX, INT64_MIN, UINT64_MAX};
	uint64_t value = random_next(random);

	return value & 15 ? value * UINT64_C(0x9e3779b97f4a7c15)
			  : ends[(value >> 4) % (sizeof(ends) / sizeof(*ends))];
}

/* How far a target may be from the window's ends: no footprint is larger. */
#define MARGIN 128

bool case_is_ordered(const struct sv_row *row)
{
	return row->flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE) || row->iclass == SV_CLASS_EXCLUSIVE ||
	       row->iclass == SV_CLASS_ATOMIC;
}

bool case_is_unaimed(const struct sv_row *row)
{
	return row->refusal && (row->iclass == SV_CLASS_SVE || row->iclass == SV_CLASS_MOPS);
}

static uint64_t draw_target(struct job *job, uint64_t *random)
{
	uint64_t bits = random_next(random);
	unsigned offset = MARGIN + bits % (WINDOW_BYTES - 2 * MARGIN);
	unsigned size = job->row->esize ? job->row->esize * job->row->count : 16;

	if (size & (size - 1) || job->row->iclass == SV_CLASS_TAG)
		size = 16;

	if (bits >> 32 & 1) /* about the middle, which may be a page's end */
		offset = WINDOW_BYTES / 2 - (bits >> 33 & 31);
	/* Where alignment is demanded, have it most of the time. */
	if (bits >> 40 & 1 || ((job->device || case_is_ordered(job->row)) && bits >> 41 & 7))
		offset &= ~(size - 1);
	if (job->row->mode == SV_MODE_LITERAL)
		offset &= ~3u;
	/* LDG and the bulk forms align the address down, to as much as 256 bytes; we plan neither. */
	if (job->row->iclass == SV_CLASS_TAG && job->row->refusal)
		offset &= ~255u;
	return case_window_va(job) + offset;
}

static uint64_t *base(struct job *job)
{
	unsigned number = model_base(&job->insn);

	if (number != 31)
		return &job->in.x[number];
	return SV_PSTATE_EL(job->in.pstate) && job->in.pstate & SV_PSTATE_SP ? &job->in.sp_el1
									     : &job->in.sp_el0;
}

static uint64_t address(const struct job *job)
{
	struct sv_plan plan;

	return model_plan(job, &plan) == SV_OK ? plan.va : 0;
}

void case_aim(struct job *job, uint64_t target)
{
	uint64_t *register_ = base(job);

	*register_ += target - address(job);
	/*
	 * That is all, unless base and index are one register: then bit by bit, each decided by those below
	 * it.
	 */
	for (unsigned attempt = 0; attempt < 2 && address(job) != target; attempt++)
		for (unsigned bit = attempt; bit < 64; bit++)
			if ((address(job) ^ target) >> bit & 1)
				*register_ ^= UINT64_C(1) << (bit - attempt);
}

static void draw_state(struct job *job, uint64_t *random)
{
	static const uint8_t levels[] = {0, 4, 5, 5}; /* EL0, EL1t, EL1h */
	uint64_t bits = random_next(random);

	/* Some of these are UNDEFINED at EL0. */
	if (job->row->iclass == SV_CLASS_CACHE || job->row->iclass == SV_CLASS_TAG)
		bits |= 3;
	for (unsigned i = 0; i < 31; i++)
		job->in.x[i] = draw_value(random);
	job->in.sp_el0 = draw_value(random);
	job->in.sp_el1 = draw_value(random);
	job->in.pc = CODE_VA + job->number * 8 % CODE_BYTES;
	job->in.pstate = PSTATE_DAIF | levels[bits & 3] | (bits & UINT64_C(0xf0000000));
	/* PAN and UAO say something at EL1 only. */
	if (SV_PSTATE_EL(job->in.pstate))
		job->in.pstate |= (bits >> 8 & 15 ? 0 : SV_PSTATE_PAN) | (bits >> 12 & 1 ? SV_PSTATE_UAO : 0);
	/* What a branch before left behind; any instruction clears it. */
	if (!(bits >> 17 & 3))
		job->in.pstate |= bits >> 19 << 10 & SV_PSTATE_BTYPE;
	job->device = bits >> 16 & 1;
	for (unsigned i = 0; i < 32; i++) {
		job->v[i][0] = random_next(random);
		job->v[i][1] = random_next(random);
	}
	for (unsigned i = 0; i < WINDOW_BYTES; i += 8) {
		uint64_t value = random_next(random);

		memcpy(job->window + i, &value, 8);
	}
}

unsigned case_draw(struct job *job, const struct sv_row *row, uint64_t *random)
{
	unsigned unpredictable = 0;
	uint64_t target;

	job->row = row;
	draw_state(job, random);
	target = draw_target(job, random);
	for (;; unpredictable++) {
		uint32_t word = draw_word(row, random);

		if (row->mode == SV_MODE_LITERAL)
			word = (word & ~UINT32_C(0xffffe0)) |
			       ((uint32_t)((target - job->in.pc) >> 2) << 5 & UINT32_C(0xffffe0));
		/*
		 * What matches a row and is not decoded all the same is UNDEFINED, and another test's
		 * business.
		 */
		if (sv_decode(SV_A64, word, &job->insn) == SV_OK && !job->insn.unpredictable)
			break;
		if (unpredictable == MANY) {
			fprintf(stderr, "oracle: %s: no word of it can be run\n", sv_row_name(row));
			exit(1);
		}
	}
	if (job->setting.tbi)
		target ^= random_next(random) << 56;
	if (row->mode != SV_MODE_LITERAL)
		case_aim(job, target);
	return unpredictable;
}

/* The window's halves lie in different pages in every fourth slot; in physical memory pages are exchanged. */
static uint8_t *half(const struct job *job, const struct machine *machine, unsigned i)
{
	return machine_at(machine, DATA_PA + map_swap(case_window(job) + i * WINDOW_BYTES / 2));
}

void case_place(const struct job *job, const struct machine *machine)
{
	struct slot *slot = machine_slot(machine, job->slot);

	memcpy(slot->in_v, job->v, sizeof(slot->in_v));
	slot->in = job->in;
	slot->code_pa = CODE_PA + (job->in.pc - CODE_VA);
	slot->code = job->insn.word | BRK << 32;
	memcpy(half(job, machine, 0), job->window, WINDOW_BYTES / 2);
	memcpy(half(job, machine, 1), job->window + WINDOW_BYTES / 2, WINDOW_BYTES / 2);
}

void case_window_read(const struct job *job, const struct machine *machine, uint8_t *window)
{
	memcpy(window, half(job, machine, 0), WINDOW_BYTES / 2);
	memcpy(window + WINDOW_BYTES / 2, half(job, machine, 1), WINDOW_BYTES / 2);
}
