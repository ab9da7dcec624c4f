/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVE loads and stores of consecutive elements (DDI 0487, C8.2): LDR and STR, the predicated contiguous
 * forms, structures, and those that replicate. What is inactive is neither accessed nor able to fault; a load
 * makes it zero.
 */
#include <string.h>

#include "operands.h"

/* How the elements lie in registers. */
struct shape {
	unsigned width;    /* bytes of an element in its register */
	unsigned elements; /* in one register, or that are replicated */
	unsigned registers;
	bool interleaved; /* LD2 to LD4: element by element, else register by register */
};

static struct shape shape_of(const struct sv_insn *insn, unsigned vector)
{
	const struct sv_row *row = insn->row;
	unsigned width = 1u << row->width;

	return (struct shape){
		.width = width,
		.elements = row->count ? row->count : vector / width,
		.registers = row->count ? 1 : row->registers,
		.interleaved = !(row->flags & SV_ROW_COUNTER),
	};
}

struct lane {
	unsigned which, index;
};

/* The register and its lane that element i of the footprint belongs to. */
static struct lane lane_of(const struct shape *shape, unsigned i)
{
	if (shape->interleaved)
		return (struct lane){i % shape->registers, i / shape->registers};
	return (struct lane){i / shape->elements, i % shape->elements};
}

static bool bit(const uint8_t *bits, unsigned i)
{
	return bits[i / 8] >> i % 8 & 1;
}

static enum sv_status vector_length(const struct sv_regs_ops *ops, void *vcpu, unsigned *vector)
{
	enum sv_status status = ops->vector_length ? ops->vector_length(vcpu, vector) : SV_UNSUPPORTED;

	if (status == SV_OK && (*vector < 16 || *vector > SV_VECTOR_BYTES || *vector % 16))
		return SV_REGISTER;
	return status;
}

/* LDR and STR are told by their immediate. */
static bool is_fill(const struct sv_row *row)
{
	return row->imm == SV_IMM_9VL;
}

/*
 * Whether a predicate as counter has element i of all registers active (DDI 0487, B1.4.3 and
 * CounterToPredicate()): its lowest set bit tells the size of its elements, of which it counts those that
 * are active, or with bit 15 inactive, from the first on.
 */
static bool counted(uint16_t counter, unsigned vector, unsigned i, unsigned width)
{
	unsigned size, count, ceiling = 16, at = i * width; /* the byte that the element begins at */

	if (!(counter & 0xf))
		return false;
	for (size = 0; !(counter >> size & 1); size++)
		;
	while (ceiling < vector)
		ceiling *= 2;
	count = (counter & (ceiling * 8 - 1)) >> (size + 1);
	/* An element is active by the bit of its first byte; bits between those of the counter are zero. */
	if (at & ((1u << size) - 1))
		return false;
	return (at >> size < count) != (counter >> 15 & 1);
}

/* Which elements are active. Returns whether any is. */
static bool activate(const struct sv_insn *insn, const struct shape *shape, struct sv_plan *plan)
{
	bool counter = insn->row->flags & SV_ROW_COUNTER, any = false;
	uint16_t count = (uint16_t)(plan->predicate[0] | plan->predicate[1] << 8);

	plan->predicated = true;
	memset(plan->active, 0, sizeof(plan->active));
	/* LD1R accesses its one element if any lane wants it. */
	if (shape->elements == 1 && insn->row->count) {
		for (unsigned at = 0; at < plan->vector; at += shape->width)
			any |= bit(plan->predicate, at);
		plan->active[0] = any;
		return any;
	}
	for (unsigned i = 0; i < plan->count; i++) {
		struct lane lane = lane_of(shape, i);
		bool active = counter ? counted(count, plan->vector, i, shape->width)
				      : bit(plan->predicate, lane.index * shape->width);

		plan->active[i / 8] |= (uint8_t)(active << i % 8);
		any |= active;
	}
	return any;
}

/* Bytes from the base: immediates that count vectors count those in memory, indices count elements. */
static enum sv_status read_offset(const struct sv_insn *insn, const struct shape *shape,
				  const struct sv_regs_ops *ops, void *vcpu, uint64_t *offset)
{
	enum sv_status status = SV_OK;

	*offset = (uint64_t)insn->imm;
	if (insn->row->imm == SV_IMM_VL) {
		*offset *= shape->elements * insn->esize;
	} else if (insn->row->imm == SV_IMM_NONE) {
		status = sv_read_x(ops, vcpu, insn->Rm, offset);
		*offset *= insn->esize;
	}
	return status;
}

static enum sv_status predicated_address(const struct sv_insn *insn, const struct sv_regs_ops *ops,
					 void *vcpu, struct sv_plan *plan)
{
	struct shape shape = shape_of(insn, plan->vector);
	unsigned number = insn->Pg + (insn->row->flags & SV_ROW_COUNTER ? 8 : 0);
	uint64_t offset;

	/* LD1RO of a vector too short for it is UNDEFINED. */
	if (insn->row->count > 1 && insn->row->count * insn->esize > plan->vector)
		return SV_NOT_MEMORY;
	if (read_offset(insn, &shape, ops, vcpu, &offset) ||
	    ops->get_predicate(vcpu, number, plan->vector / 8u, plan->predicate))
		return SV_REGISTER;
	plan->va += offset;
	plan->count = (uint16_t)(shape.elements * shape.registers);
	return activate(insn, &shape, plan) ? SV_OK : SV_NOT_MEMORY;
}

static enum sv_status address(const struct sv_insn *insn, const struct sv_context *context,
			      const struct sv_regs_ops *ops, void *vcpu, struct sv_plan *plan)
{
	bool predicate = insn->row->form == SV_FORM_PREDICATE;
	unsigned vector;
	uint64_t base;
	enum sv_status status = vector_length(ops, vcpu, &vector);

	if (status == SV_OK)
		status = ops->get(vcpu, sv_base_register(insn, context), &base);
	if (status != SV_OK)
		return status;
	sv_plan_begin(insn, context, plan);
	plan->va = base;
	plan->vector = (uint16_t)vector;
	if (!is_fill(insn->row))
		return predicated_address(insn, ops, vcpu, plan);
	/*
	 * Bytes; but aligned to 16, or 2 of a predicate, where alignment is checked (DDI 0487, LDR (vector)).
	 */
	plan->count = (uint16_t)(predicate ? vector / 8 : vector);
	plan->align = predicate ? 2 : 16;
	plan->va += (uint64_t)insn->imm * plan->count;
	return SV_OK;
}

static enum sv_status data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			   struct sv_plan *plan)
{
	struct shape shape = shape_of(insn, plan->vector);
	uint8_t value[SV_VECTOR_BYTES];

	if (insn->row->form == SV_FORM_PREDICATE)
		return ops->get_predicate(vcpu, insn->Rt, plan->count, plan->data);
	if (is_fill(insn->row))
		return ops->get_vector(vcpu, insn->Rt, plan->vector, plan->data);
	for (unsigned which = 0; which < shape.registers; which++) {
		if (ops->get_vector(vcpu, (insn->Rt + which) % 32, plan->vector, value))
			return SV_REGISTER;
		for (unsigned i = 0; i < plan->count; i++) {
			struct lane lane = lane_of(&shape, i);

			for (unsigned byte = 0; lane.which == which && byte < plan->esize; byte++)
				plan->data[sv_element_byte(plan, i, byte)] =
					value[lane.index * shape.width + byte];
		}
	}
	return SV_OK;
}

/* Element i extended to its width. */
static void extend(const struct sv_insn *insn, const struct sv_plan *plan, const struct shape *shape,
		   unsigned i, uint8_t *lane)
{
	uint8_t top = plan->data[sv_element_byte(plan, i, plan->esize - 1u)];

	memset(lane, insn->row->flags & SV_ROW_SIGNED && top & 0x80 ? 0xff : 0, shape->width);
	for (unsigned byte = 0; byte < plan->esize; byte++)
		lane[byte] = plan->data[sv_element_byte(plan, i, byte)];
}

/* What was loaded once, in all lanes that are active, or in all blocks of the vector. */
static void replicate(const struct sv_insn *insn, const struct sv_plan *plan, const struct shape *shape,
		      uint8_t *value)
{
	unsigned block = shape->elements * shape->width;

	for (unsigned at = block; at + block <= plan->vector; at += block)
		memcpy(value + at, value, block);
	for (unsigned at = 0; shape->elements == 1 && at < plan->vector; at += shape->width)
		if (!bit(plan->predicate, at))
			memset(value + at, 0, shape->width);
}

static enum sv_status finish(const struct sv_insn *insn, const struct sv_context *context,
			     const struct sv_plan *plan, const struct sv_regs_ops *ops, void *vcpu)
{
	struct shape shape = shape_of(insn, plan->vector);
	uint8_t value[SV_VECTOR_BYTES];

	if (plan->write)
		return SV_OK;
	if (insn->row->form == SV_FORM_PREDICATE)
		return ops->set_predicate(vcpu, insn->Rt, plan->count, plan->data);
	if (is_fill(insn->row))
		return ops->set_vector(vcpu, insn->Rt, plan->vector, plan->data);
	for (unsigned which = 0; which < shape.registers; which++) {
		memset(value, 0, sizeof(value));
		for (unsigned i = 0; i < plan->count; i++) {
			struct lane lane = lane_of(&shape, i);

			if (lane.which == which && sv_plan_active(plan, i))
				extend(insn, plan, &shape, i, value + lane.index * shape.width);
		}
		if (insn->row->count)
			replicate(insn, plan, &shape, value);
		if (ops->set_vector(vcpu, (insn->Rt + which) % 32, plan->vector, value))
			return SV_REGISTER;
	}
	return SV_OK;
}

const struct sv_performer sv_sve = {address, data, finish};
