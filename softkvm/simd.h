/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves between SIMD registers and general-purpose ones, by the names of a64-integer.isa. Private likewise. */
#ifndef SOFTKVM_SIMD_H
#define SOFTKVM_SIMD_H

#include "operations.h"

/* imm5 says the size of an element by its lowest one, and which by what is above it. */
static inline unsigned lane_size(unsigned imm5)
{
	return imm5 & 15 ? (unsigned)__builtin_ctz(imm5) : 4;
}

static inline uint64_t lane(const struct soft_cpu *cpu, unsigned n, unsigned size, unsigned index)
{
	uint64_t value = 0;

	memcpy(&value, &cpu->v[n][index << size], 1u << size);
	return value;
}

static inline enum soft_step replicate(struct soft_cpu *cpu, const struct soft_op *op, unsigned Q,
				       unsigned size, uint64_t value)
{
	if (size > 3 || (size == 3 && !Q))
		return SOFT_UNDEFINED;
	memset(cpu->v[op->Rd], 0, 16);
	for (unsigned at = 0; at < 8u << Q; at += 1u << size)
		memcpy(&cpu->v[op->Rd][at], &value, 1u << size);
	return SOFT_NEXT;
}

static inline enum soft_step op_dup_scalar(CPU, unsigned imm5)
{
	unsigned size = lane_size(imm5);
	uint64_t value;

	if (size > 3)
		return SOFT_UNDEFINED;
	value = lane(cpu, op->Rn, size, imm5 >> (size + 1));
	memset(cpu->v[op->Rd], 0, 16);
	memcpy(cpu->v[op->Rd], &value, 8);
	return SOFT_NEXT;
}

static inline enum soft_step op_dup_element(CPU, unsigned Q, unsigned imm5)
{
	unsigned size = lane_size(imm5);

	return size > 3 ? SOFT_UNDEFINED
			: replicate(cpu, op, Q, size, lane(cpu, op->Rn, size, imm5 >> (size + 1)));
}

static inline enum soft_step op_dup_general(CPU, unsigned Q, unsigned imm5, uint64_t value)
{
	return replicate(cpu, op, Q, lane_size(imm5), value);
}

static inline enum soft_step op_smov(CPU, unsigned Q, unsigned imm5)
{
	unsigned size = lane_size(imm5), unused = 64 - (8u << size);
	uint64_t value;

	if (size > 2 || (size == 2 && !Q))
		return SOFT_UNDEFINED;
	value = (uint64_t)((int64_t)(lane(cpu, op->Rn, size, imm5 >> (size + 1)) << unused) >> unused);
	put_X(cpu, op->Rd, Q ? value : (uint32_t)value);
	return SOFT_NEXT;
}

static inline enum soft_step op_umov(CPU, unsigned Q, unsigned imm5)
{
	unsigned size = lane_size(imm5);

	if (size > 3 || (size == 3 && !Q))
		return SOFT_UNDEFINED;
	put_X(cpu, op->Rd, lane(cpu, op->Rn, size, imm5 >> (size + 1)));
	return SOFT_NEXT;
}

static inline enum soft_step insert(struct soft_cpu *cpu, const struct soft_op *op, unsigned imm5,
				    uint64_t value)
{
	unsigned size = lane_size(imm5);

	memcpy(&cpu->v[op->Rd][imm5 >> (size + 1) << size], &value, 1u << size);
	return SOFT_NEXT;
}

static inline enum soft_step op_ins_general(CPU, unsigned imm5, uint64_t value)
{
	return lane_size(imm5) > 3 ? SOFT_UNDEFINED : insert(cpu, op, imm5, value);
}

static inline enum soft_step op_ins_element(CPU, unsigned imm5, unsigned imm4)
{
	unsigned size = lane_size(imm5);

	return size > 3 ? SOFT_UNDEFINED : insert(cpu, op, imm5, lane(cpu, op->Rn, size, imm4 >> size));
}

/* Bit by bit, so half by half; the upper half is zero without Q. */
typedef uint64_t combine(CPU, uint64_t a, uint64_t b);
typedef uint64_t select(uint64_t d, uint64_t n, uint64_t m);

static inline enum soft_step op_bitwise(CPU, unsigned Q, combine *combine)
{
	uint64_t n[2], m[2], d[2] = {0, 0};

	memcpy(n, cpu->v[op->Rn], 16);
	memcpy(m, cpu->v[op->Rm], 16);
	for (unsigned i = 0; i <= Q; i++)
		d[i] = combine(cpu, op, n[i], m[i]);
	memcpy(cpu->v[op->Rd], d, 16);
	return SOFT_NEXT;
}

static inline uint64_t op_bsl(uint64_t d, uint64_t n, uint64_t m)
{
	return (n & d) | (m & ~d);
}

static inline uint64_t op_bit(uint64_t d, uint64_t n, uint64_t m)
{
	return (n & m) | (d & ~m);
}

static inline uint64_t op_bif(uint64_t d, uint64_t n, uint64_t m)
{
	return (d & m) | (n & ~m);
}

static inline enum soft_step op_select(CPU, unsigned Q, select *select)
{
	uint64_t n[2], m[2], d[2];

	memcpy(n, cpu->v[op->Rn], 16);
	memcpy(m, cpu->v[op->Rm], 16);
	memcpy(d, cpu->v[op->Rd], 16);
	for (unsigned i = 0; i < 2; i++)
		d[i] = i <= Q ? select(d[i], n[i], m[i]) : 0;
	memcpy(cpu->v[op->Rd], d, 16);
	return SOFT_NEXT;
}

static inline uint64_t op_move(CPU, uint64_t old, uint64_t imm)
{
	return imm;
}

static inline uint64_t op_set(CPU, uint64_t old, uint64_t imm)
{
	return old | imm;
}

static inline uint64_t op_clear(CPU, uint64_t old, uint64_t imm)
{
	return old & ~imm;
}

static inline enum soft_step op_modified(CPU, unsigned Q, uint64_t imm, combine *combine)
{
	uint64_t d[2];

	memcpy(d, cpu->v[op->Rd], 16);
	for (unsigned i = 0; i < 2; i++)
		d[i] = i <= Q ? combine(cpu, op, d[i], imm) : 0;
	memcpy(cpu->v[op->Rd], d, 16);
	return SOFT_NEXT;
}

static inline enum soft_step op_fmov_register(CPU, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, cpu->v[op->Rn], bytes);
	memset(cpu->v[op->Rd], 0, 16);
	memcpy(cpu->v[op->Rd], &value, 8);
	return SOFT_NEXT;
}

static inline enum soft_step op_fmov_immediate(CPU, unsigned bytes, uint64_t imm)
{
	memset(cpu->v[op->Rd], 0, 16);
	memcpy(cpu->v[op->Rd], &imm, bytes);
	return SOFT_NEXT;
}

/* To a general-purpose register, and from one: bytes of the SIMD register, so far in. */
static inline enum soft_step op_fmov_to(CPU, unsigned at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, &cpu->v[op->Rn][at], bytes);
	put_X(cpu, op->Rd, value);
	return SOFT_NEXT;
}

/* Into the upper half the lower one stays. */
static inline enum soft_step op_fmov_from(CPU, unsigned at, unsigned bytes, uint64_t value)
{
	if (!at)
		memset(cpu->v[op->Rd], 0, 16);
	memcpy(&cpu->v[op->Rd][at], &value, bytes);
	return SOFT_NEXT;
}

#endif
