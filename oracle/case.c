/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/regs.h>

#include "insn/tables.h"
#include "case.h"
#include "copy.h"
#include "model.h"

#define MANY        1000000
#define BRK         UINT64_C(0xd4200000)
#define PSTATE_DAIF 0x3c0
#define CODE_STRIDE 16

static bool chance(uint64_t *random, unsigned of)
{
	return !(random_next(random) % of);
}

static const struct {
	unsigned cases, window;
} kinds[KINDS] = {
	[KIND_PLAIN] = {255, 1024},
	[KIND_UNAIMED] = {255, 1024},
	[KIND_VECTOR] = {127, 2048},
	[KIND_COPY] = {15, WINDOW_MOST},
};

enum kind case_kind(const struct sv_row *row)
{
	bool vector = row->iclass == SV_CLASS_SVE, copy = row->iclass == SV_CLASS_MOPS;

	if (row->refusal)
		return vector || copy ? KIND_UNAIMED : KIND_PLAIN;
	if (copy)
		return KIND_COPY;
	return vector || row->iclass == SV_CLASS_ZERO || row->iclass == SV_CLASS_TAG ? KIND_VECTOR
										     : KIND_PLAIN;
}

unsigned case_count(enum kind kind)
{
	return kinds[kind].cases;
}

struct setting case_setting(enum kind kind, const struct mail *mail, uint64_t *random)
{
	/* By ZCR_EL2.LEN: short ones cost less, and are more usual. */
	static const uint8_t lens[] = {0, 0, 0, 1, 1, 2, 3, 15};
	uint64_t bits = random_next(random);
	struct setting setting = {
		.kind = kind,
		.ee = chance(random, 8),
		.e0e = chance(random, 8),
		.tbi = chance(random, 4),
		.privileged = chance(random, 4),
		.torn = (kind == KIND_PLAIN || kind == KIND_VECTOR) && chance(random, 8),
		.dczid = mail->dczid,
	};

	if (kind == KIND_VECTOR)
		setting.len = bits & 7 ? lens[bits >> 3 & 7] : bits >> 3 & 15;
	setting.vector = (unsigned)mail->lengths[setting.len];
	return setting;
}

uint64_t case_code(const struct job *job)
{
	return CODE_VA + job->number * CODE_STRIDE % CODE_BYTES;
}

void case_locate(struct job *job, unsigned batch, unsigned i)
{
	job->slot = batch * BATCH_CASES + i;
	job->bytes = kinds[job->setting.kind].window;
	job->at = batch * BATCH_DATA + i * job->bytes + job->bytes / 2;
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

unsigned case_block(const struct job *job)
{
	return job->row->iclass == SV_CLASS_TAG ? 256 : 4u << (job->setting.dczid & 0xf);
}

/* How many bytes the instruction accesses at most. */
static unsigned span(const struct job *job)
{
	const struct sv_row *row = job->row;

	switch (row->iclass) {
	case SV_CLASS_ZERO:
	case SV_CLASS_TAG:
		return case_block(job);
	case SV_CLASS_SVE:
		if (row->imm == SV_IMM_9VL)
			return job->setting.vector / (row->form == SV_FORM_PREDICATE ? 8 : 1);
		if (!row->count)
			return row->registers * (job->setting.vector >> row->width) * row->esize;
	}
	return row->esize ? (unsigned)row->esize * row->count : 16;
}

static uint64_t draw_target(struct job *job, uint64_t *random)
{
	uint64_t bits = random_next(random);
	const struct sv_row *row = job->row;
	unsigned bytes = span(job), above = bytes > MARGIN ? bytes : MARGIN;
	unsigned offset = MARGIN + bits % (job->bytes - MARGIN - above), size = bytes;
	bool aligned = bits >> 40 & 1;

	if (row->iclass == SV_CLASS_TAG)
		size = 16;
	else if (row->iclass == SV_CLASS_SVE)
		size = row->imm == SV_IMM_9VL ? 16 : row->esize;
	else if (size & (size - 1))
		size = 16;

	if (bits >> 32 & 1) /* about the middle, which may be a page's end */
		offset = job->bytes / 2 -
			 (bits >> 33 & 0x7ff) % (bytes > 32 && bytes <= job->bytes / 2 ? bytes : 32);
	/* Where alignment is demanded, have it most of the time. */
	if (job->device || case_is_ordered(row) || row->iclass == SV_CLASS_TAG)
		aligned |= !!(bits >> 41 & 7);
	if (aligned)
		offset &= ~(size - 1);
	if (row->mode == SV_MODE_LITERAL)
		offset &= ~3u;
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

uint64_t case_va(const struct job *job)
{
	struct sv_plan plan;

	/* An address is known even where no element of a vector is active. */
	switch (model_plan(job, &plan)) {
	case SV_OK:
	case SV_NOT_MEMORY:
		return plan.va;
	default:
		return 0;
	}
}

void case_aim(struct job *job, uint64_t target)
{
	uint64_t *register_ = base(job);

	if (model_blocks(&job->insn)) { /* which the plan's address is the beginning of */
		*register_ = target;
		return;
	}
	*register_ += target - case_va(job);
	/*
	 * That is all, unless base and index are one register: then bit by bit, each decided by those below
	 * it.
	 */
	for (unsigned attempt = 0; attempt < 2 && case_va(job) != target; attempt++)
		for (unsigned bit = attempt; bit < 64; bit++)
			if ((case_va(job) ^ target) >> bit & 1)
				*register_ ^= UINT64_C(1) << (bit - attempt);
}

static void fill(uint8_t *bytes, unsigned count, uint64_t *random)
{
	for (unsigned i = 0; i < count; i += 8) {
		uint64_t value = random_next(random);

		memcpy(bytes + i, &value, 8);
	}
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
	job->in.pc = case_code(job);
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
	fill(job->window, job->bytes, random);
}

/* A predicate as programs have them: all, none, from the first or to the last, or any bits. */
static void draw_predicate(uint8_t *bits, unsigned bytes, uint64_t *random)
{
	uint64_t choice = random_next(random);
	unsigned edge = (unsigned)(choice >> 8) % (bytes * 8);

	for (unsigned i = 0; i < bytes * 8; i++) {
		bool bit = i < edge;

		switch (choice & 7) {
		case 0:
			bit = !bit;
			break;
		case 1:
			break;
		case 2:
			bit = choice >> 40 & 3; /* none now and then */
			break;
		default: /* as dense as you like */
			bit = (random_next(random) & 7) < (choice & 7) - 1;
			break;
		}
		bits[i / 8] = (uint8_t)((bits[i / 8] & ~(1u << i % 8)) | (unsigned)bit << i % 8);
	}
}

/* A predicate as counter (DDI 0487, B1.4.3): element size, how many, whether they are the inactive ones. */
static uint16_t draw_counter(const struct job *job, uint64_t *random)
{
	uint64_t choice = random_next(random);
	unsigned size = choice & 3, most = job->row->registers * (job->setting.vector >> size) + 2;
	unsigned count = (unsigned)(choice >> 8) % most;

	return (uint16_t)(1u << size | count << (size + 1) | (unsigned)(choice >> 2 & 1) << 15);
}

static void draw_vectors(struct job *job, uint64_t *random)
{
	unsigned bytes = job->setting.vector / 8;

	fill(job->z, 32 * job->setting.vector, random);
	for (unsigned i = 0; i < 16; i++)
		draw_predicate(job->p + i * bytes, bytes, random);
	for (unsigned i = 8; i < 16 && job->row->flags & SV_ROW_COUNTER; i++) {
		uint16_t counter = draw_counter(job, random);

		if (!chance(random, 8))
			memcpy(job->p + i * bytes, &counter, sizeof(counter));
	}
}

unsigned case_draw(struct job *job, const struct sv_row *row, uint64_t *random)
{
	unsigned unpredictable = 0;
	uint64_t target = 0;

	job->row = row;
	draw_state(job, random);
	if (row->mode == SV_MODE_LITERAL)
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
	if (job->setting.kind == KIND_COPY) {
		copy_draw(job, random);
		return unpredictable;
	}
	if (job->setting.kind == KIND_VECTOR)
		draw_vectors(job, random);
	if (row->mode == SV_MODE_LITERAL)
		return unpredictable;
	target = draw_target(job, random);
	if (job->setting.tbi)
		target ^= random_next(random) << 56;
	case_aim(job, target);
	return unpredictable;
}

/* Pages that are neighbours in VA are not in physical memory. */
static unsigned in_page(const struct job *job, unsigned offset)
{
	unsigned left = 0x1000 - (job->at + offset) % 0x1000;

	return left < job->bytes - offset ? left : job->bytes - offset;
}

void case_place(const struct job *job, const struct machine *machine)
{
	struct slot *slot = machine_slot(machine, job->slot);

	slot->in = job->in;
	slot->code_pa = CODE_PA + ((job->in.pc - CODE_VA) & ~UINT64_C(15));
	slot->code[0] = job->insn.word | BRK << 32;
	if (job->setting.kind == KIND_COPY) {
		slot->code[0] = copy_word(job, 0) | (uint64_t)copy_word(job, 1) << 32;
		slot->code[1] = copy_word(job, 2) | BRK << 32;
	}
	if (job->setting.kind == KIND_VECTOR) {
		struct vectors *vectors = machine_vectors(machine, job->slot);

		memcpy(vectors->in_z, job->z, 32 * job->setting.vector);
		memcpy(vectors->in_p, job->p, 2 * job->setting.vector);
	} else {
		memcpy(slot->in_v, job->v, sizeof(slot->in_v));
	}
	for (enum pass pass = PASS_MEMORY; pass <= PASS_READ; pass++)
		for (unsigned i = 0; i < job->bytes; i += in_page(job, i))
			memcpy(map_data(machine, pass, job->at + i), job->window + i, in_page(job, i));
}

void case_window_read(const struct job *job, const struct machine *machine, enum pass pass, uint8_t *window)
{
	for (unsigned i = 0; i < job->bytes; i += in_page(job, i))
		memcpy(window + i, map_data(machine, pass, job->at + i), in_page(job, i));
}

bool case_strayed(const struct job *job, const struct machine *machine)
{
	static const uint8_t clean[64];
	bool strayed = false;

	if ((job->at + job->bytes / 2) % 0x1000)
		return false;
	for (enum pass pass = PASS_MEMORY; pass <= PASS_READ; pass++) {
		uint8_t *behind = map_data(machine, pass, job->at + job->bytes / 2 - 1) + 1;

		strayed |= !!memcmp(behind, clean, sizeof(clean));
		memset(behind, 0, sizeof(clean));
	}
	return strayed;
}
