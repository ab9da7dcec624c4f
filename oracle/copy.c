/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <salvage/regs.h>

#include "copy.h"
#include "esr.h"

/* Where "Memory Copy and Memory Set" keeps its fields (DDI 0487, C4.1). */
#define STAGE_SHIFT(set)  ((set) ? 14 : 22)
#define UNPRIVILEGED      (1 << 12) /* writes */
#define READ_UNPRIVILEGED (1 << 13)
#define ANY_DIRECTION     (1 << 26) /* CPY rather than CPYF, SETG rather than SET */

#define NZCV        UINT64_C(0xf0000000)
#define ADDRESS     ((UINT64_C(1) << 56) - 1)
#define PAGE        0x1000
#define GRANULE     16
#define GENERATIONS 4

enum { PROLOGUE, MAIN, EPILOGUE };

static bool is_set(const struct job *job)
{
	return !(job->row->flags & SV_ROW_LOAD);
}

static bool sets_tags(const struct job *job)
{
	return is_set(job) && job->insn.word & ANY_DIRECTION;
}

uint32_t copy_word(const struct job *job, unsigned stage)
{
	unsigned shift = STAGE_SHIFT(is_set(job));

	return (job->insn.word & ~(UINT32_C(3) << shift)) | stage << shift;
}

static uint64_t view(const struct job *job, bool device)
{
	return (device ? DEVICE_VA : NORMAL_VA) + job->at;
}

static uint64_t address(const struct job *job, bool device, uint8_t tag, unsigned offset)
{
	return (view(job, device) + offset) | (uint64_t)tag << 56;
}

/* Register 31 is the zero register: of a set the value. */
static void put(struct registers *registers, unsigned number, uint64_t value)
{
	if (number != 31)
		registers->x[number] = value;
}

/* Registers that say, at a stage, that so much is left. */
static void encode(const struct job *job, const struct copy *left, struct registers *registers)
{
	uint64_t to = address(job, left->device, left->tag, left->to);
	uint64_t from = address(job, left->from_device, left->from_tag, left->from);
	uint64_t bytes = left->bytes;

	/* Option A, which is QEMU's (DDI 0487, C3.2.17): forward from the end, by a negative size. */
	if (left->stage != PROLOGUE && !left->backward) {
		to += bytes;
		from += bytes;
		bytes = -bytes;
	}
	put(registers, job->insn.Rt, to);
	put(registers, job->insn.Rn, bytes);
	if (!is_set(job))
		put(registers, job->insn.Rs, from);
}

void copy_encode(struct job *job)
{
	job->in.pc = (job->in.pc & ~UINT64_C(15)) + 4 * job->copy.stage;
	if (job->copy.stage != PROLOGUE)
		job->in.pstate &= ~NZCV;
	encode(job, &job->copy, &job->in);
}

static unsigned draw_size(const struct job *job, uint64_t bits)
{
	static const unsigned most[] = {0x10, 0x40, 0x100, 0x200, 0x400, 0xfff, 0x1400, 0x1400};
	unsigned size = bits % (most[bits >> 32 & 7] + 1);

	/* QEMU's main part does whole pages, and its epilogue less than one. */
	if (job->copy.stage == MAIN && bits >> 40 & 7)
		size = PAGE + size % 0x400;
	if (job->copy.stage == EPILOGUE)
		size %= PAGE;
	return sets_tags(job) ? size & ~(GRANULE - 1u) : size;
}

static unsigned draw_offset(const struct job *job, unsigned size, uint64_t bits)
{
	unsigned offset = GRANULE + bits % (job->bytes - size - 2 * GRANULE);

	if (!(bits >> 32 & 3)) /* a page's end or beginning */
		offset = PAGE * (1 + (bits >> 34 & 1)) + PAGE / 2 - size % PAGE;
	if (!(bits >> 36 & 7))
		offset = PAGE + (bits >> 40 & 1) * PAGE;
	return sets_tags(job) ? offset & ~(GRANULE - 1u) : offset;
}

static bool overlap(const struct copy *copy)
{
	return copy->from < copy->to + copy->bytes && copy->to < copy->from + copy->bytes;
}

/* The direction, and whether memory comes to depend on how far an implementation goes at a time. */
static void settle(struct job *job, bool choice)
{
	struct copy *copy = &job->copy;
	bool any = !is_set(job) && job->insn.word & ANY_DIRECTION, upward = copy->from < copy->to;

	copy->backward = copy->corrupts = false;
	if (is_set(job) || !copy->bytes || copy->from == copy->to)
		return;
	if (!overlap(copy)) {
		/* The prologue's choice is forward (QEMU's, and salvage's); behind it either is possible. */
		copy->backward = any && copy->stage && choice;
		return;
	}
	/* By different addresses the same memory: no instruction sees the overlap. */
	if (copy->device != copy->from_device)
		copy->corrupts = true;
	else if (any)
		copy->backward = upward;
	else
		copy->corrupts = upward;
}

void copy_settle(struct job *job)
{
	settle(job, job->copy.backward);
}

void copy_draw(struct job *job, uint64_t *random)
{
	struct copy *copy = &job->copy;
	uint64_t bits = random_next(random);

	*copy = (struct copy){
		.stage = job->row->value >> STAGE_SHIFT(is_set(job)) & 3,
		.device = bits & 1,
		.from_device = bits >> 1 & 1,
		.tag = job->setting.tbi ? (uint8_t)(bits >> 8) : 0,
		.from_tag = job->setting.tbi ? (uint8_t)(bits >> 16) : 0,
	};
	job->device = copy->device;
	for (unsigned attempt = 0; attempt < 8; attempt++) {
		copy->bytes = draw_size(job, random_next(random));
		copy->to = draw_offset(job, copy->bytes, random_next(random));
		copy->from = draw_offset(job, copy->bytes, random_next(random));
		settle(job, bits >> 3 & 1);
		if (!copy->corrupts || !(bits >> 4 & 31))
			break;
	}
	copy_encode(job);
}

/* What registers say is left to do, as the Arm ARM has them say it. False: it is none of this job's. */
static bool denote(const struct job *job, const struct registers *registers, struct copy *left)
{
	uint64_t Xd = registers->x[job->insn.Rt], Xn = registers->x[job->insn.Rn], from = 0, to;
	uint64_t done, stage = (registers->pc - (job->in.pc & ~UINT64_C(15))) / 4;

	*left = job->copy;
	if (!is_set(job))
		from = registers->x[job->insn.Rs];
	to = Xd;
	left->stage = (uint8_t)stage;
	left->bytes = (unsigned)Xn;
	if (stage != PROLOGUE) {
		if (stage < 3 && registers->pstate & SV_PSTATE_C)
			return false; /* option B */
		if (left->backward ? (int64_t)Xn < 0 : (int64_t)Xn > 0)
			return false;
		if (!left->backward) {
			to += Xn;
			from += Xn;
			left->bytes = -(unsigned)Xn;
		}
	}
	if (left->bytes > job->copy.bytes)
		return false;
	done = left->backward ? 0 : job->copy.bytes - left->bytes;
	left->to += (unsigned)done;
	left->from += (unsigned)done;
	return to == address(job, left->device, left->tag, left->to) &&
	       (is_set(job) || from == address(job, left->from_device, left->from_tag, left->from)) &&
	       (int64_t)Xn == (int64_t)(stage != PROLOGUE && !left->backward ? -(int64_t)left->bytes
									     : (int64_t)left->bytes);
}

/* Memory with all but what is left done. */
static void reference(const struct job *job, const struct copy *left, uint8_t *window)
{
	const struct copy *copy = &job->copy;
	unsigned done = copy->bytes - left->bytes, skip = copy->backward ? left->bytes : 0;
	uint64_t value = job->insn.Rs == 31 ? 0 : job->in.x[job->insn.Rs];

	memcpy(window, job->window, job->bytes);
	if (is_set(job))
		memset(window + copy->to + skip, (int)(value & 0xff), done);
	else
		memcpy(window + copy->to + skip, job->window + copy->from + skip, done);
}

/* All but the three that say how far it is. */
static const char *compare_others(const struct job *job, const struct registers *registers)
{
	for (unsigned i = 0; i < 31; i++)
		if (i != job->insn.Rt && i != job->insn.Rn && (is_set(job) || i != job->insn.Rs) &&
		    registers->x[i] != job->in.x[i])
			return "general registers";
	if (registers->sp_el0 != job->in.sp_el0 || registers->sp_el1 != job->in.sp_el1)
		return "stack pointers";
	return NULL;
}

static const char *compare_progress(const struct job *job, const struct registers *registers,
				    const uint8_t *window, struct copy *left)
{
	uint8_t expected[WINDOW_MOST];

	if (!denote(job, registers, left))
		return "what the registers say is left";
	if (job->copy.corrupts)
		return compare_others(job, registers);
	reference(job, left, expected);
	if (memcmp(expected, window, job->bytes))
		return "memory";
	return compare_others(job, registers);
}

bool copy_chunk(const struct job *job, const struct registers *registers, struct chunk *chunk)
{
	struct job here = *job;
	struct sv_plan plan;
	struct copy left;
	uint8_t done[WINDOW_MOST];

	here.in = *registers;
	if (!denote(job, registers, &left) || left.stage > EPILOGUE ||
	    sv_decode(SV_A64, copy_word(job, left.stage), &here.insn) || model_plan(&here, &plan) ||
	    plan.count > left.bytes)
		return false;
	chunk->insn = here.insn;
	chunk->count = plan.count;
	left.bytes -= chunk->count;
	chunk->offset = left.to + (left.backward ? left.bytes : 0);
	chunk->to = address(job, left.device, left.tag, chunk->offset);
	chunk->from =
		address(job, left.from_device, left.from_tag, left.from + (left.backward ? left.bytes : 0));
	if (!left.backward) {
		left.to += chunk->count;
		left.from += chunk->count;
	}
	chunk->after = *registers;
	encode(job, &left, &chunk->after);
	reference(job, &left, done);
	memcpy(chunk->bytes, done + chunk->offset, chunk->count);
	return true;
}

/* One of the two sides of what is left. */
struct side {
	bool write;
	uint64_t first; /* address without its top byte */
	unsigned offset, bytes;
};

static unsigned sides(const struct job *job, const struct copy *left, struct side side[2])
{
	side[0] = (struct side){true, view(job, left->device) + left->to, left->to, left->bytes};
	side[1] = (struct side){false, view(job, left->from_device) + left->from, left->from, left->bytes};
	return is_set(job) ? 1 : 2;
}

static uint64_t ipa_of(const struct job *job, unsigned offset)
{
	return DATA_PA + IPA_OFFSET + map_swap(job->at + offset);
}

static bool is_missing(const struct job *job, bool write, unsigned offset, enum pass pass)
{
	switch (pass) {
	case PASS_MEMORY:
		return false;
	case PASS_HOLE:
		return true;
	case PASS_READ:
		return write;
	case PASS_ODD:
		return ipa_of(job, offset) & PAGE;
	}
	return false;
}

/* Whether a pass takes something away of what is left. */
static bool interrupted(const struct job *job, const struct copy *left, enum pass pass)
{
	struct side side[2];

	for (unsigned i = 0, count = sides(job, left, side); i < count; i++)
		for (unsigned at = 0; at < side[i].bytes; at += PAGE - (job->at + side[i].offset + at) % PAGE)
			if (is_missing(job, side[i].write, side[i].offset + at, pass))
				return true;
	return false;
}

/* Whether an address is on that side of what is left. */
static bool within(const struct side *side, uint64_t far)
{
	return (far & ADDRESS) - side->first < side->bytes;
}

/* Stage 1 treats all of a view alike. Returns whether it forbids the side. */
static bool forbidden(const struct job *job, const struct model *model, const struct side *side)
{
	unsigned bit = side->write ? UNPRIVILEGED : READ_UNPRIVILEGED;
	bool ordinary = !(job->insn.word & bit) || model->regs[SV_PSTATE] & SV_PSTATE_UAO;

	return model_forbids(model, side->first, side->write,
			     !SV_PSTATE_EL(model->regs[SV_PSTATE]) || !ordinary);
}

static const char *compare_fault(const struct job *job, const struct side *side, unsigned count,
				 const bool *forbids, const struct trap *trap)
{
	if (EC(trap->esr) != EC_HVC64 ||
	    EC(trap->esr_el1) != (SV_PSTATE_EL(job->in.pstate) ? EC_ABORT : EC_ABORT_LOW))
		return "we expect a stage-1 fault";
	if (DFSC(trap->esr_el1) != (DFSC_PERMISSION | 3))
		return "stage-1 fault status";
	for (unsigned i = 0; i < count; i++)
		if (forbids[i] && within(&side[i], trap->far_el1) && !(trap->esr_el1 & WnR) == !side[i].write)
			return NULL;
	return "stage-1 fault address";
}

static const char *compare_syndrome(const struct job *job, const struct copy *left, enum pass pass,
				    const struct trap *trap)
{
	struct side side[2];
	unsigned count = sides(job, left, side);

	if (!(trap->esr & IL) || trap->esr & (ISV | FnV | CM | S1PTW))
		return "ISV, IL, FnV, CM or S1PTW";
	for (unsigned i = 0; i < count; i++) {
		unsigned offset = side[i].offset + (unsigned)((trap->far & ADDRESS) - side[i].first);

		if (!(trap->esr & WnR) != !side[i].write || !within(&side[i], trap->far))
			continue;
		if (!is_missing(job, side[i].write, offset, pass))
			return "an abort at what is there";
		if ((trap->hpfar & ~UINT64_C(0xf)) << 8 != (ipa_of(job, offset) & ~UINT64_C(0xfff)))
			return "HPFAR";
		if (DFSC(trap->esr) != ((pass == PASS_READ ? DFSC_PERMISSION : DFSC_TRANSLATION) | 3))
			return "fault status";
		return NULL;
	}
	return "FAR is not in what is left";
}

static void registers_of(const struct model *model, struct registers *registers)
{
	memcpy(registers->x, &model->regs[SV_X0], sizeof(registers->x));
	registers->sp_el0 = model->regs[SV_SP_EL0];
	registers->sp_el1 = model->regs[SV_SP_EL1];
	registers->pc = model->regs[SV_PC];
	registers->pstate = model->regs[SV_PSTATE];
}

/* A session on the abort of a pass: some of what is left, and registers that say so. */
static const char *judge_session(const struct job *job, const struct machine *machine, enum pass pass,
				 const struct outcome *outcome, const uint8_t *window, struct copy left,
				 struct job *rest)
{
	unsigned before = left.bytes;
	struct registers after;
	struct sv_report report;
	struct model model;
	const char *what;

	model_begin(&model, job, machine);
	model_continue(&model, &outcome->out, window);
	model_session(&model, pass, &outcome->trap, &report);
	if (report.ending != SV_ENDING_COMPLETED)
		return sv_reason_text(report.reason);
	registers_of(&model, &after);
	if (model.strayed)
		return "we access what we should not";
	if (after.pc != outcome->out.pc || after.pstate != outcome->out.pstate)
		return "PC or PSTATE";
	what = compare_progress(job, &after, model.window, &left);
	if (what)
		return what;
	if (left.bytes >= before)
		return "nothing is done";
	if (!rest || rest->row || job->copy.generation == GENERATIONS)
		return NULL;
	*rest = *job;
	rest->in = after;
	rest->copy = left;
	rest->copy.generation++;
	/* The prologue chooses anew: what is left may overlap no longer. */
	if (left.stage == PROLOGUE)
		settle(rest, false);
	memcpy(rest->window, model.window, job->bytes);
	return NULL;
}

/*
 * A CPU may keep its registers behind what it has done: the same abort, with the registers and the memory
 * that the case began with. What is done first may be memory then.
 */
static const char *judge_ahead(const struct job *job, const struct machine *machine, enum pass pass,
			       const struct outcome *outcome)
{
	struct outcome ahead = {.out = job->in, .trap = outcome->trap};

	if (outcome->out.pc != job->in.pc || sets_tags(job))
		return NULL;
	return judge_session(job, machine, pass, &ahead, job->window, job->copy, NULL);
}

static const char *judge_pass(const struct job *job, const struct machine *machine, enum pass pass,
			      struct figures *figures, struct job *rest)
{
	const struct outcome *outcome = &machine_slot(machine, job->slot)->outcome[pass];
	bool interrupts = interrupted(job, &job->copy, pass);
	/* The prologue says by the flags that the rest is by option A. */
	uint64_t through = job->copy.stage == PROLOGUE ? job->in.pstate & ~NZCV : job->in.pstate;
	uint8_t window[WINDOW_MOST];
	struct copy left;
	const char *what;

	case_window_read(job, machine, pass, window);
	if (EC(outcome->trap.esr) == EC_BRK64) {
		if (interrupts)
			return "no stage-2 abort where we expect one";
		if (outcome->out.pc != (job->in.pc & ~UINT64_C(15)) + 12)
			return "PC";
		if (outcome->out.pstate != (through & ~SV_PSTATE_BTYPE))
			return "PSTATE";
		what = compare_progress(job, &outcome->out, window, &left);
		return what ? what : left.bytes ? "something is left" : NULL;
	}
	if (EC(outcome->trap.esr) != EC_ABORT_LOW)
		return "an exception where we expect none";
	if (!interrupts)
		return "an abort where we expect none";
	if (outcome->out.pstate !=
	    (outcome->out.pc == job->in.pc ? job->in.pstate : through & ~SV_PSTATE_BTYPE))
		return "PSTATE";
	what = compare_progress(job, &outcome->out, window, &left);
	if (!what)
		what = compare_syndrome(job, &left, pass, &outcome->trap);
	figures->syndromes++;
	if (what || job->copy.corrupts)
		return what;
	what = judge_session(job, machine, pass, outcome, window, left, rest);
	figures->sessions += !what;
	return what ? what : judge_ahead(job, machine, pass, outcome);
}

const char *copy_judge(const struct job *job, const struct machine *machine, struct figures *figures,
		       struct job *rest)
{
	const struct trap *trap = &machine_slot(machine, job->slot)->outcome[PASS_MEMORY].trap;
	struct side side[2];
	unsigned count = sides(job, &job->copy, side);
	bool forbids[2] = {false, false};
	struct model model;
	const char *what = NULL;

	if (rest)
		rest->row = NULL;
	model_begin(&model, job, machine);
	for (unsigned i = 0; job->copy.bytes && i < count; i++)
		forbids[i] = forbidden(job, &model, &side[i]);
	if (job->copy.generation)
		figures->resumed++;
	else
		figures->cases++;
	if (forbids[0] || forbids[1]) {
		figures->faulted++;
		return compare_fault(job, side, count, forbids, trap);
	}
	if (job->copy.corrupts)
		figures->exclusions[EXCLUSION_CORRUPTS]++;
	figures->completed += !job->copy.generation;
	/* Which of the aborts is gone on with, is another one with each case. */
	for (unsigned i = 0; i < PASSES && !what; i++) {
		enum pass pass = i ? (enum pass)(1 + (i + job->number) % (PASSES - 1)) : PASS_MEMORY;

		what = judge_pass(job, machine, pass, figures, rest);
	}
	return what;
}

void copy_move(struct job *job, unsigned at)
{
	uint64_t distance = (uint64_t)job->at - at;

	job->in.pc = case_code(job) + job->in.pc % 16;
	job->in.x[job->insn.Rt] -= distance;
	if (!is_set(job))
		job->in.x[job->insn.Rs] -= distance;
	job->at = at;
}
