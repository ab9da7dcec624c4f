/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomics: which registers they take part in, and what they compute (DDI 0487, C3.2.12 to C3.2.15). */
#include <string.h>

#include "../name.h"
#include "operands.h"

const char *sv_op_name(enum sv_op op)
{
	static const char *const names[] = {
#define X(name, text) text,
		SV_OPS(X)
#undef X
	};

	return NAME(names, op);
}

static uint64_t value_of(const uint8_t *bytes, unsigned size, bool big_endian)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)bytes[big_endian ? size - 1 - i : i] << 8 * i;
	return value;
}

static int64_t sign_extended(uint64_t value, unsigned size)
{
	unsigned unused = 64 - 8 * size;

	return (int64_t)(value << unused) >> unused;
}

/* The operations that are arithmetic, on values rather than bytes. */
static bool compute(enum sv_op op, unsigned size, uint64_t old, uint64_t operand, uint64_t *result)
{
	bool less = old < operand, less_signed = sign_extended(old, size) < sign_extended(operand, size);

	switch (op) {
	case SV_OP_ADD:
		*result = old + operand;
		return true;
	case SV_OP_SMAX:
		*result = less_signed ? operand : old;
		return true;
	case SV_OP_SMIN:
		*result = less_signed ? old : operand;
		return true;
	case SV_OP_UMAX:
		*result = less ? operand : old;
		return true;
	case SV_OP_UMIN:
		*result = less ? old : operand;
		return true;
	default:
		return false;
	}
}

/* The operations that treat each bit alone: the same in either byte order, and for 16 bytes. */
static bool combine(enum sv_op op, uint8_t old, uint8_t operand, uint8_t *result)
{
	switch (op) {
	case SV_OP_CAS:
	case SV_OP_SWP:
		*result = operand;
		return true;
	case SV_OP_CLR:
		*result = old & (uint8_t)~operand;
		return true;
	case SV_OP_EOR:
		*result = old ^ operand;
		return true;
	case SV_OP_SET:
		*result = old | operand;
		return true;
	default:
		return false;
	}
}

bool sv_atomic(enum sv_op op, unsigned size, bool big_endian, const uint8_t *operand, const uint8_t *compare,
	       const uint8_t *old, uint8_t *updated)
{
	uint64_t result;

	if (op == SV_OP_CAS)
		for (unsigned i = 0; i < size; i++)
			if (old[i] != compare[i])
				return false;
	if (size <= 8 && compute(op, size, value_of(old, size, big_endian),
				 value_of(operand, size, big_endian), &result)) {
		for (unsigned i = 0; i < size; i++)
			updated[big_endian ? size - 1 - i : i] = (uint8_t)(result >> 8 * i);
		return true;
	}
	for (unsigned i = 0; i < size; i++)
		if (!combine(op, old[i], operand[i], &updated[i]))
			return false;
	return true;
}

struct sv_atomic_registers sv_atomic_registers(const struct sv_insn *insn)
{
	uint8_t Rs = insn->Rs, Rt = insn->Rt, Rt2 = insn->Rt2;

	/* Of a pair the second register is the next one; the Arm ARM demands an even first. */
	if (insn->row->op == SV_OP_CAS)
		return (struct sv_atomic_registers){.operand = {Rt, Rt + 1},
						    .compare = {Rs, Rs + 1},
						    .result = {Rs, Rs + 1}};
	if (insn->row->count == 2)
		return (struct sv_atomic_registers){.operand = {Rt, Rt2}, .result = {Rt, Rt2}};
	return (struct sv_atomic_registers){.operand = {Rs}, .result = {Rt}};
}
