/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory copies and sets (DDI 0487, C3.2.17): one chunk of what is left. The registers tell how far the
 * instruction has come, in a form of their own between exceptions, so a chunk ends as a fault behind it
 * would: registers moved on, PC where it was. The CPU executes the instruction again and does the rest, be
 * it nothing.
 */
#include <string.h>

#include "operands.h"

/* Where "Memory Copy and Memory Set" keeps its fields (DDI 0487, C4.1). */
#define op1(word)      ((word) >> 22 & 3) /* the stage of a copy; 3: a set */
#define o0(word)       ((word) >> 26 & 1) /* CPY rather than CPYF, SETG rather than SET */
#define T(word)        ((word) >> 12 & 1) /* where it writes: unprivileged */
#define RT(word)       ((word) >> 13 & 1) /* where a copy reads */
#define STAGE(word)    ((word) >> 14 & 3) /* of a set */
#define OP1_SET        3
#define STAGE_PROLOGUE 0

#define PAGE    4096
#define GRANULE 16

/*
 * How registers tell the progress. The prologue leaves them as the program gave them; between the others an
 * implementation uses option A or B, and PSTATE.C says which.
 */
enum format { PLAIN, OPTION_A, OPTION_B };

/* What so many bytes done add to the addresses and to Xn, by format and direction. */
static const struct {
	int8_t addresses, Xn;
} moves[][2] = {
	[PLAIN] = {{1, -1}, {0, -1}},
	[OPTION_A] = {{0, 1}, {0, -1}},
	[OPTION_B] = {{1, -1}, {-1, -1}},
};

static bool is_set(uint32_t word)
{
	return op1(word) == OP1_SET;
}

static enum format format_of(const struct sv_insn *insn, uint64_t pstate)
{
	if ((is_set(insn->word) ? STAGE(insn->word) : op1(insn->word)) == STAGE_PROLOGUE)
		return PLAIN;
	return pstate & SV_PSTATE_C ? OPTION_B : OPTION_A;
}

/* The prologue limits the size (DDI 0487, CPYP, CPYFP, SETP, SETGP; SaturateTo()). */
static uint64_t saturated(uint32_t word, uint64_t size)
{
	uint64_t largest = INT64_MAX;

	if (o0(word))
		largest = is_set(word) ? INT64_MAX & ~UINT64_C(0xf) : (UINT64_C(1) << 55) - 1;
	return size > largest ? largest : size;
}

/*
 * CPYP copies backward where the destination overlaps the source's end; where they do not overlap the choice
 * is the implementation's, and either is right (DDI 0487, CPYP; addresses count without their top byte).
 */
static bool overlaps_upward(uint64_t to, uint64_t from, uint64_t size)
{
	uint64_t mask = (UINT64_C(1) << 56) - 1;

	to &= mask;
	from &= mask;
	return from < to && from + size > to;
}

/* What is left: va, from, remaining and direction from the registers. */
static void locate(const struct sv_insn *insn, enum format format, uint64_t pstate, struct sv_plan *plan)
{
	bool two_way = o0(insn->word) && !is_set(insn->word);
	uint64_t moved = 0; /* from where the addresses point to the first byte that is left */

	plan->remaining = plan->Xn;
	switch (format) {
	case PLAIN:
		plan->remaining = saturated(insn->word, plan->Xn);
		plan->backward = two_way && overlaps_upward(plan->Xd, plan->Xs, plan->remaining);
		break;
	case OPTION_A:
		/* Xn is negative and the addresses are those of the ends; positive: backward. */
		plan->backward = two_way && (int64_t)plan->Xn >= 0;
		if (!plan->backward) {
			moved = plan->Xn;
			plan->remaining = -plan->Xn;
		}
		break;
	case OPTION_B:
		plan->backward = two_way && pstate & SV_PSTATE_N;
		if (plan->backward)
			moved = -plan->Xn;
		break;
	}
	plan->va = plan->Xd + moved;
	plan->from = plan->copy ? plan->Xs + moved : 0;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Bytes from address on, or up to its end, that lie in one page: what is left of the smallest one. */
static unsigned in_page(uint64_t address, uint64_t length, bool backward)
{
	return backward ? (unsigned)((address + length - 1) % PAGE) + 1 : PAGE - (unsigned)(address % PAGE);
}

void sv_plan_shorten(struct sv_plan *plan, unsigned bytes)
{
	if (plan->tags && bytes > GRANULE)
		bytes -= bytes % GRANULE;
	if (plan->backward) {
		plan->va += plan->count - bytes;
		plan->from += plan->count - bytes;
	}
	plan->count = (uint16_t)bytes;
}

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	enum format format = format_of(insn, context->pstate);
	uint64_t Xd, Xs = 0, Xn;
	unsigned bytes;

	if (sv_read_x(ops, vcpu, insn->Rt, &Xd) || sv_read_x(ops, vcpu, insn->Rn, &Xn) ||
	    (!is_set(insn->word) && sv_read_x(ops, vcpu, insn->Rs, &Xs)))
		return SV_REGISTER;
	sv_plan_begin(insn, context, plan);
	plan->Xd = Xd;
	plan->Xs = Xs;
	plan->Xn = Xn;
	plan->copy = !is_set(insn->word);
	plan->unsized = plan->unfinished = true;
	plan->unprivileged = T(insn->word);
	plan->from_unprivileged = plan->copy && RT(insn->word);
	plan->tags = is_set(insn->word) && o0(insn->word);
	plan->align = plan->tags ? GRANULE : 1;
	locate(insn, format, context->pstate, plan);
	/* Nothing left, or a size that only the CPU may find wrong (DDI 0487, CheckMOPSEnabled and on). */
	if ((int64_t)plan->remaining <= 0 || (plan->tags && plan->remaining % GRANULE))
		return SV_NOT_MEMORY;

	/* One page at a time: then all of the chunk is possible, or nothing is. */
	bytes = plan->remaining < SV_CHUNK_BYTES ? (unsigned)plan->remaining : SV_CHUNK_BYTES;
	bytes = least(bytes, in_page(plan->va, plan->remaining, plan->backward));
	if (plan->copy)
		bytes = least(bytes, in_page(plan->from, plan->remaining, plan->backward));
	if (plan->backward) {
		plan->va += plan->remaining - bytes;
		plan->from += plan->remaining - bytes;
	}
	plan->count = (uint16_t)bytes;
	return SV_OK;
}

static enum sv_status data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			   struct sv_plan *plan)
{
	uint64_t value;

	if (plan->copy)
		return SV_OK; /* it is read from memory first */
	if (sv_read_x(ops, vcpu, insn->Rs, &value))
		return SV_REGISTER;
	memset(plan->data, (int)(value & 0xff), plan->count);
	return SV_OK;
}

static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	enum format format = format_of(insn, context->pstate);
	int addresses = moves[format][plan->backward].addresses, size = moves[format][plan->backward].Xn;
	uint64_t left = format == PLAIN ? plan->remaining : plan->Xn, done = plan->count;

	if (addresses && sv_write_x(ops, vcpu, insn->Rt, addresses > 0 ? plan->Xd + done : plan->Xd - done))
		return SV_REGISTER;
	if (addresses && plan->copy &&
	    sv_write_x(ops, vcpu, insn->Rs, addresses > 0 ? plan->Xs + done : plan->Xs - done))
		return SV_REGISTER;
	return sv_write_x(ops, vcpu, insn->Rn, size > 0 ? left + done : left - done);
}

const struct sv_performer sv_mops = {address, data, finish};
