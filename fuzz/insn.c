/* SPDX-License-Identifier: BSD-2-Clause */
/* Any word with any registers: decode, print, plan, and the registers afterwards. */
#include <string.h>

#include <salvage/insn.h>

#include "fuzz.h"

/* Registers by one number: enum sv_reg, V (of which Z is the whole), P. */
#define V(n)    (SV_REG_COUNT + (n))
#define P(n)    (V(32) + (n))
#define VECTOR  P(16)
#define OTHERS  (VECTOR + 1)
#define CHOSEN  16
#define PATTERN 0xa5

/* Registers are made when they are asked for: few of them are. */
struct cpu {
	uint64_t seed;
	struct {
		unsigned reg;
		uint64_t value;
	} chosen[CHOSEN];
	unsigned chosen_count;
	unsigned broken; /* reading or writing it fails; OTHERS: none */
	unsigned vector; /* bytes; 0: no SVE */
	uint8_t reads[OTHERS], writes[OTHERS];
	unsigned written; /* all writes */
	bool failed;      /* a call was told so */
	uint64_t last[SV_REG_COUNT];
};

static bool broken(struct cpu *cpu, unsigned reg)
{
	if (reg != cpu->broken)
		return false;
	cpu->failed = true;
	return true;
}

static uint64_t value_of(const struct cpu *cpu, unsigned reg)
{
	for (unsigned i = 0; i < cpu->chosen_count; i++)
		if (cpu->chosen[i].reg == reg)
			return cpu->chosen[i].value;
	return fuzz_noise(cpu->seed, reg);
}

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	struct cpu *cpu = vcpu;

	claim((unsigned)reg < SV_REG_COUNT && reg != 31);
	cpu->reads[reg]++;
	if (broken(cpu, reg))
		return SV_REGISTER;
	*value = value_of(cpu, reg);
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	struct cpu *cpu = vcpu;

	/* PC and PSTATE are the commit's. */
	claim((unsigned)reg < SV_PC && reg != 31);
	cpu->writes[reg]++;
	cpu->written++;
	cpu->last[reg] = value;
	return broken(cpu, reg) ? SV_REGISTER : SV_OK;
}

static enum sv_status get_wide(struct cpu *cpu, unsigned reg, unsigned bytes, uint8_t *value)
{
	uint64_t noise = value_of(cpu, reg);

	cpu->reads[reg]++;
	if (broken(cpu, reg))
		return SV_REGISTER;
	for (unsigned i = 0; i < bytes; i++)
		value[i] = (uint8_t)(noise >> 8 * (i % 8));
	return SV_OK;
}

static enum sv_status set_wide(struct cpu *cpu, unsigned reg, unsigned bytes, const uint8_t *value)
{
	uint8_t sum = 0;

	for (unsigned i = 0; i < bytes; i++)
		sum |= value[i];
	cpu->last[0] ^= sum; /* all of it was read */
	cpu->writes[reg]++;
	cpu->written++;
	return broken(cpu, reg) ? SV_REGISTER : SV_OK;
}

static enum sv_status get_simd(void *vcpu, unsigned n, uint8_t value[16])
{
	claim(n < 32);
	return get_wide(vcpu, V(n), 16, value);
}

static enum sv_status set_simd(void *vcpu, unsigned n, const uint8_t value[16])
{
	claim(n < 32);
	return set_wide(vcpu, V(n), 16, value);
}

static enum sv_status vector_length(void *vcpu, unsigned *bytes)
{
	struct cpu *cpu = vcpu;

	if (broken(cpu, VECTOR))
		return SV_REGISTER;
	*bytes = cpu->vector;
	return cpu->vector ? SV_OK : SV_UNSUPPORTED;
}

static enum sv_status get_vector(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	claim(n < 32 && bytes && bytes == ((struct cpu *)vcpu)->vector);
	return get_wide(vcpu, V(n), bytes, value);
}

static enum sv_status set_vector(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	claim(n < 32 && bytes && bytes == ((struct cpu *)vcpu)->vector);
	return set_wide(vcpu, V(n), bytes, value);
}

static enum sv_status get_predicate(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	claim(n < 16 && bytes && bytes == ((struct cpu *)vcpu)->vector / 8);
	return get_wide(vcpu, P(n), bytes, value);
}

static enum sv_status set_predicate(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	claim(n < 16 && bytes && bytes == ((struct cpu *)vcpu)->vector / 8);
	return set_wide(vcpu, P(n), bytes, value);
}

static const struct sv_regs_ops all_ops = {
	get, set, get_simd, set_simd, vector_length, get_vector, set_vector, get_predicate, set_predicate,
};
static const struct sv_regs_ops general_ops = {get, set};

/* What the row says of the word, said again from its fields. */
static void check_decoded(const struct sv_insn *insn, uint32_t word)
{
	const struct sv_row *row = insn->row;
	bool loads = row->flags & SV_ROW_LOAD, stores = row->flags & SV_ROW_STORE;
	size_t count;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	claim(row >= rows && row < rows + count);
	claim((word & row->mask) == row->value && insn->word == word);
	claim(sv_classify(SV_A64, word) == row);
	claim(insn->isa == SV_A64 && insn->length == 4);
	claim(insn->Rt < 32 && insn->Rt2 < 32 && insn->Rn < 32 && insn->Rm < 32 && insn->Rs < 32);
	claim(insn->amount <= 4 && insn->option < 8 && insn->Pg < 16);
	claim(insn->esize && insn->esize <= 64 && insn->lanes && insn->count <= 64);
	claim(insn->count || row->form >= SV_FORM_SVE);
	claim(row->form < SV_FORM_MULTIPLE || row->form > SV_FORM_REPLICATE ||
	      (insn->lanes * insn->esize <= 16 && (insn->index + 1) * insn->esize <= 16));
	claim(insn->imm >= -(1 << 20) && insn->imm < 1 << 20);
	/* An access is one or the other, and the syndrome says which. */
	claim(loads || stores || row->flags & SV_ROW_CM);
	claim(!row->op || (loads && stores));
	for (unsigned permission = 0; permission < 2; permission++)
		claim(sv_row_wnr(row, permission) == (!loads    ? 1
						      : !stores ? 0
						      : row->op ? (int)permission
								: -1));
	/* What the CPU describes is one general-purpose register, without writeback; or 64 bytes (LST). */
	claim(!(row->flags & SV_ROW_ISV) || row->iclass == SV_CLASS_LDST64B ||
	      (insn->count == 1 && insn->esize <= 8 && row->form == SV_FORM_GENERAL && !row->op &&
	       row->mode != SV_MODE_PRE && row->mode != SV_MODE_POST));
}

/* The printer at every length that it may be cut to. */
static void check_text(const struct sv_insn *insn, uint64_t pc, size_t size)
{
	char whole[SV_INSN_TEXT + 1], cut[SV_INSN_TEXT + 1];
	size_t length, kept;

	memset(whole, PATTERN, sizeof(whole));
	length = sv_insn_format(insn, pc, whole, SV_INSN_TEXT);
	claim(length && length < SV_INSN_TEXT && strlen(whole) == length);
	claim((uint8_t)whole[SV_INSN_TEXT] == PATTERN);
	for (size_t i = 0; i < length; i++)
		claim(whole[i] >= ' ' && whole[i] < 0x7f && whole[i] != '<' && whole[i] != '>');
	size %= SV_INSN_TEXT;
	memset(cut, PATTERN, sizeof(cut));
	claim(sv_insn_format(insn, pc, cut, size) == length);
	kept = !size ? 0 : size - 1 < length ? size - 1 : length;
	claim(!memcmp(cut, whole, kept));
	claim(!size || !cut[kept]);
	for (size_t i = size ? kept + 1 : 0; i < sizeof(cut); i++)
		claim((uint8_t)cut[i] == PATTERN);
}

/* Bounds that hold of every plan, whatever the registers. */
static void check_plan(const struct sv_insn *insn, const struct sv_plan *plan, const struct cpu *cpu)
{
	const struct sv_row *row = insn->row;
	unsigned bytes = plan->esize * plan->count;

	claim(plan->esize && plan->esize <= SV_ACCESS_BYTES && plan->count && bytes <= SV_PLAN_BYTES);
	claim(plan->write == !!(row->flags & SV_ROW_STORE));
	claim(plan->op == row->op && plan->op <= SV_OP_FMINNM);
	claim(!plan->op || (plan->single && bytes <= SV_ATOMIC_BYTES));
	claim(!plan->single || bytes <= SV_ACCESS_BYTES);
	claim(!plan->predicated || plan->count <= SV_PLAN_ELEMENTS);
	claim(!plan->unsized || plan->esize == 1);
	claim(!plan->unfinished || (bytes <= SV_CHUNK_BYTES && plan->remaining >= bytes));
	claim(!plan->copy || (plan->unfinished && bytes * 2 <= SV_PLAN_BYTES));
	claim(plan->vector <= SV_VECTOR_BYTES && (!plan->vector || plan->vector == cpu->vector));
	claim(plan->align <= 64 && !(plan->align & (plan->align - 1)));
	claim(plan->writeback || (row->mode != SV_MODE_PRE && row->mode != SV_MODE_POST));
	/* Elements in their own size: what the row says, where the word alone says it. */
	if (row->form == SV_FORM_GENERAL && row->esize && row->count && row->iclass != SV_CLASS_TAG &&
	    row->iclass != SV_CLASS_MOPS && row->iclass != SV_CLASS_ZERO && row->iclass != SV_CLASS_LDST64B)
		claim(plan->esize == row->esize && plan->count == row->count);
}

/* Element i of a general-purpose load as its register must hold it, from the row and nothing else. */
static uint64_t loaded(const struct sv_row *row, const struct sv_plan *plan, unsigned i)
{
	uint64_t value = 0;

	for (unsigned byte = 0; byte < plan->esize; byte++) {
		unsigned at = plan->big_endian ? plan->esize - 1 - byte : byte;

		value |= (uint64_t)plan->data[i * plan->esize + at] << 8 * byte;
	}
	if (row->flags & SV_ROW_SIGNED && plan->esize < 8 && value >> (8 * plan->esize - 1) & 1)
		value |= UINT64_MAX << 8 * plan->esize;
	return row->flags & SV_ROW_SF ? value : (uint32_t)value;
}

/* After a load: no register but those that the word names, and in them what was loaded. */
static void check_loaded(const struct sv_insn *insn, const struct sv_plan *plan, const struct cpu *cpu)
{
	const struct sv_row *row = insn->row;
	const uint8_t named[] = {insn->Rt, insn->Rt2};

	if (row->form != SV_FORM_GENERAL || row->flags & SV_ROW_STORE || plan->count > 2 ||
	    (row->iclass != SV_CLASS_SINGLE && row->iclass != SV_CLASS_PAIR &&
	     row->iclass != SV_CLASS_LITERAL && row->iclass != SV_CLASS_UNPRIVILEGED &&
	     row->iclass != SV_CLASS_WRITEBACK && row->iclass != SV_CLASS_ORDERED) ||
	    insn->unpredictable)
		return;
	claim(cpu->written <= plan->count + (unsigned)plan->writeback);
	for (unsigned i = 0; i < plan->count; i++)
		if (named[i] != 31)
			claim(cpu->writes[SV_X0 + named[i]] == 1 &&
			      cpu->last[SV_X0 + named[i]] == loaded(row, plan, i));
}

/* What an atomic leaves, with the bytes around it. */
static void check_atomic(const struct sv_plan *plan, uint64_t seed)
{
	unsigned size = plan->esize * plan->count;
	uint8_t old[SV_ATOMIC_BYTES], updated[SV_ATOMIC_BYTES + 8];
	bool equal;

	for (unsigned i = 0; i < size; i++)
		old[i] = seed & 1 ? plan->compare[i] : (uint8_t)fuzz_noise(seed, i);
	equal = !memcmp(old, plan->compare, size);
	memset(updated, PATTERN, sizeof(updated));
	if (sv_atomic(plan->op, size, plan->big_endian, plan->operand, plan->compare, old, updated)) {
		claim(plan->op != SV_OP_CAS || (equal && !memcmp(updated, plan->operand, size)));
		claim(plan->op != SV_OP_SWP || !memcmp(updated, plan->operand, size));
	} else {
		claim(plan->op != SV_OP_SWP && (plan->op != SV_OP_CAS || !equal));
		claim(plan->op == SV_OP_CAS || plan->op >= SV_OP_FADD || size == 16);
		claim(updated[0] == PATTERN);
	}
	for (unsigned i = size; i < sizeof(updated); i++)
		claim(updated[i] == PATTERN);
}

/* Address, data, registers. */
static void perform(const struct sv_insn *insn, const struct sv_context *context,
		    const struct sv_regs_ops *ops, struct cpu *cpu, uint64_t seed)
{
	static struct sv_plan plan;
	enum sv_status status = sv_plan_address(insn, context, ops, cpu, &plan);
	unsigned bytes;

	claim(status == SV_OK || status == SV_UNSUPPORTED || status == SV_NOT_MEMORY ||
	      status == SV_REGISTER);
	claim((status == SV_REGISTER) == cpu->failed);
	/* Nothing is written before a plan is accepted. */
	claim(!cpu->written);
	for (unsigned reg = 0; reg < OTHERS; reg++)
		claim(cpu->reads[reg] <= 3);
	if (status)
		return;
	claim(!insn->row->refusal || insn->row->refusal == SV_REFUSAL_EXCLUSIVE);
	check_plan(insn, &plan, cpu);
	if (plan.unfinished && seed >> 8 & 1) {
		sv_plan_shorten(&plan, 1 + (unsigned)(seed >> 16) % plan.count);
		check_plan(insn, &plan, cpu);
	}
	bytes = plan.esize * plan.count;
	memset(plan.data, PATTERN, sizeof(plan.data));
	status = sv_plan_data(insn, ops, cpu, &plan);
	claim(status == SV_OK || status == SV_REGISTER);
	claim(!cpu->written && (status == SV_OK || cpu->failed || ops == &general_ops));
	for (unsigned i = bytes; i < sizeof(plan.data); i++)
		claim(plan.data[i] == PATTERN);
	if (status)
		return;
	if (plan.op)
		check_atomic(&plan, seed);
	if (!plan.write || plan.op || plan.copy)
		for (unsigned i = 0; i < bytes; i++)
			plan.data[i] = (uint8_t)fuzz_noise(seed, i / 8) ^ (uint8_t)i;
	status = sv_finish(insn, context, &plan, ops, cpu);
	claim(status == SV_OK || status == SV_REGISTER);
	claim(status == SV_OK ? !cpu->failed : cpu->failed || ops == &general_ops);
	/* CPY of one register three times is CONSTRAINED UNPREDICTABLE, and does what it does. */
	for (unsigned reg = 0; reg < OTHERS; reg++)
		claim(cpu->writes[reg] <= (insn->unpredictable ? 3 : 1));
	if (!status)
		check_loaded(insn, &plan, cpu);
}

static uint32_t take_word(struct fuzz_input *input)
{
	uint16_t choice = (uint16_t)fuzz_take(input, 2);
	uint32_t word = (uint32_t)fuzz_take(input, 4);
	size_t count;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	/* Of all words few are loads and stores: the other half is drawn from the rows. */
	if (!(choice & 1))
		return word;
	choice = (uint16_t)((choice >> 1) % count);
	return rows[choice].value | (word & ~rows[choice].mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, data + size};
	uint32_t word = take_word(&input);
	struct cpu cpu = {.seed = fuzz_take(&input, 8)};
	uint8_t shape = (uint8_t)fuzz_take(&input, 1);
	struct sv_context context = {0};
	struct sv_insn insn, before;
	uint64_t seed = fuzz_take(&input, 8);
	enum sv_status status;

	cpu.broken = shape & 1 ? (unsigned)fuzz_take(&input, 1) % OTHERS : OTHERS;
	cpu.vector = (unsigned)(shape >> 1 & 0xf) * 16 + (shape & 0x20 ? 16 : 0);
	context.pc = fuzz_take(&input, 8);
	context.pstate = fuzz_take(&input, 4);
	context.sctlr_el1 = fuzz_take(&input, 8);
	while (fuzz_left(&input) && cpu.chosen_count < CHOSEN) {
		cpu.chosen[cpu.chosen_count].reg = (unsigned)fuzz_take(&input, 1) % OTHERS;
		cpu.chosen[cpu.chosen_count++].value = fuzz_take(&input, 8);
	}

	memset(&insn, PATTERN, sizeof(insn));
	before = insn;
	status = sv_decode(SV_A64, word, &insn);
	claim(sv_decode(SV_A32, word, &before) == SV_UNSUPPORTED);
	if (status) {
		claim(status == SV_NOT_MEMORY && !memcmp(&insn, &before, sizeof(insn)));
		return 0;
	}
	check_decoded(&insn, word);
	check_text(&insn, context.pc, (size_t)(seed & 0xff));
	/* The session asks first whether the embedder has the registers. */
	if (shape & 0x40 && insn.row->form != SV_FORM_GENERAL && insn.row->form < SV_FORM_SVE)
		return 0;
	perform(&insn, &context, shape & 0x40 ? &general_ops : &all_ops, &cpu, seed);
	return 0;
}
