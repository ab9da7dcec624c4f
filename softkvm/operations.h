/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the integer instructions compute (DDI 0487, C6.2, and the shared pseudocode of J1), by the names that
 * a64-integer.isa has for it. A 32-bit form gets its operands zero-extended, and of its result the low half
 * counts. Private to the generated file.
 */
#ifndef SOFTKVM_OPERATIONS_H
#define SOFTKVM_OPERATIONS_H

#include "model.h"

#define CPU struct soft_cpu *cpu __attribute__((unused)), const struct soft_op *op __attribute__((unused))

/* Shifted and extended registers (ShiftReg, ExtendReg). The amount of a shift is below the width. */
static inline uint64_t shifted64(const struct soft_op *op, uint64_t value)
{
	if (__builtin_expect(!op->shift, 1))
		return value << op->amount;
	if (op->shift == 1)
		return value >> op->amount;
	if (op->shift == 2)
		return (uint64_t)((int64_t)value >> op->amount);
	return value >> op->amount | value << (-op->amount & 63);
}

static inline uint64_t shifted32(const struct soft_op *op, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;

	if (__builtin_expect(!op->shift, 1))
		return narrow << op->amount;
	if (op->shift == 1)
		return narrow >> op->amount;
	if (op->shift == 2)
		return (uint32_t)((int32_t)narrow >> op->amount);
	return narrow >> op->amount | narrow << (-op->amount & 31);
}

static inline uint64_t extended(const struct soft_op *op, uint64_t value)
{
	unsigned unused = 64 - (8u << (op->shift & 3));

	value <<= unused;
	value = op->shift & 4 ? (uint64_t)((int64_t)value >> unused) : value >> unused;
	return value << op->amount;
}

/* Flags */
static inline void set_nzcv(struct soft_cpu *cpu, bool n, bool z, bool c, bool v)
{
	cpu->pstate = (cpu->pstate & ~PSTATE_NZCV) | (uint64_t)n << 31 | (uint64_t)z << 30 |
		      (uint64_t)c << 29 | (uint64_t)v << 28;
}

static inline bool flag(const struct soft_cpu *cpu, unsigned bit)
{
	return cpu->pstate >> bit & 1;
}

#define FLAG_N 31
#define FLAG_Z 30
#define FLAG_C 29
#define FLAG_V 28

static inline bool holds(const struct soft_cpu *cpu, unsigned cond)
{
	bool n = flag(cpu, FLAG_N), z = flag(cpu, FLAG_Z), c = flag(cpu, FLAG_C), v = flag(cpu, FLAG_V),
	     result;

	switch (cond >> 1) {
	case 0:
		result = z;
		break;
	case 1:
		result = c;
		break;
	case 2:
		result = n;
		break;
	case 3:
		result = v;
		break;
	case 4:
		result = c && !z;
		break;
	case 5:
		result = n == v;
		break;
	case 6:
		result = n == v && !z;
		break;
	default:
		return true;
	}
	return result ^ (cond & 1);
}

/* AddWithCarry, with flags */
static inline uint64_t add_with_carry64(struct soft_cpu *cpu, uint64_t a, uint64_t b, bool carry)
{
	uint64_t sum = a + b, result = sum + carry;

	set_nzcv(cpu, result >> 63, !result, sum < a || result < sum, ((a ^ result) & (b ^ result)) >> 63);
	return result;
}

static inline uint64_t add_with_carry32(struct soft_cpu *cpu, uint32_t a, uint32_t b, bool carry)
{
	uint64_t sum = (uint64_t)a + b + carry;
	uint32_t result = (uint32_t)sum;

	set_nzcv(cpu, result >> 31, !result, sum >> 32, ((a ^ result) & (b ^ result)) >> 31);
	return result;
}

#define WIDTHS(X) X(32) X(64)

#define SIMPLE(name, expression)                                      \
	static inline uint64_t op_##name(CPU, uint64_t a, uint64_t b) \
	{                                                             \
		return expression;                                    \
	}

SIMPLE(add, a + b)
SIMPLE(sub, a - b)
SIMPLE(adc, a + b + flag(cpu, FLAG_C))
SIMPLE(sbc, a + ~b + flag(cpu, FLAG_C))
SIMPLE(and, a &b)
SIMPLE(bic, a & ~b)
SIMPLE(orr, a | b)
SIMPLE(orn, a | ~b)
SIMPLE(eor, a ^ b)
SIMPLE(eon, a ^ ~b)
SIMPLE(udiv, b ? a / b : 0)
SIMPLE(umulh, (uint64_t)((unsigned __int128)a *b >> 64))
SIMPLE(smulh, (uint64_t)((__int128)(int64_t)a *(int64_t)b >> 64))

/* INT_MIN / -1 is INT_MIN: no trap, no flag. */
#define WIDE(bits)                                                                                           \
	static inline uint64_t op_adds##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return add_with_carry##bits(cpu, (uint##bits##_t)a, (uint##bits##_t)b, false);               \
	}                                                                                                    \
	static inline uint64_t op_subs##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return add_with_carry##bits(cpu, (uint##bits##_t)a, (uint##bits##_t) ~b, true);              \
	}                                                                                                    \
	static inline uint64_t op_adcs##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return add_with_carry##bits(cpu, (uint##bits##_t)a, (uint##bits##_t)b, flag(cpu, FLAG_C));   \
	}                                                                                                    \
	static inline uint64_t op_sbcs##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return add_with_carry##bits(cpu, (uint##bits##_t)a, (uint##bits##_t) ~b, flag(cpu, FLAG_C)); \
	}                                                                                                    \
	static inline uint64_t op_ands##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		uint##bits##_t result = (uint##bits##_t)(a & b);                                             \
		set_nzcv(cpu, result >> (bits - 1), !result, false, false);                                  \
		return result;                                                                               \
	}                                                                                                    \
	static inline uint64_t op_bics##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return op_ands##bits(cpu, op, a, ~b);                                                        \
	}                                                                                                    \
	static inline uint64_t op_sdiv##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		int##bits##_t dividend = (int##bits##_t)a, divisor = (int##bits##_t)b;                       \
		if (!divisor)                                                                                \
			return 0;                                                                            \
		return divisor == -1 ? 0 - a : (uint64_t)(dividend / divisor);                               \
	}                                                                                                    \
	static inline uint64_t op_lslv##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return a << (b & (bits - 1));                                                                \
	}                                                                                                    \
	static inline uint64_t op_lsrv##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return a >> (b & (bits - 1));                                                                \
	}                                                                                                    \
	static inline uint64_t op_asrv##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return (uint64_t)((int##bits##_t)a >> (b & (bits - 1)));                                     \
	}                                                                                                    \
	static inline uint64_t op_rorv##bits(CPU, uint64_t a, uint64_t b)                                    \
	{                                                                                                    \
		return a >> (b & (bits - 1)) | a << (-b & (bits - 1));                                       \
	}                                                                                                    \
	static inline uint64_t op_extr##bits(CPU, uint64_t high, uint64_t low, unsigned lsb)                 \
	{                                                                                                    \
		return lsb ? low >> lsb | high << (bits - lsb) : low;                                        \
	}                                                                                                    \
	static inline uint64_t op_ubfm##bits(CPU, uint64_t value, unsigned immr, unsigned imms)              \
	{                                                                                                    \
		/* The bits up to imms, which then go down by immr, or up where that would lose them. */     \
		uint64_t field = value << (63 - imms) >> (63 - imms);                                        \
		return imms >= immr ? field >> immr : field << (bits - immr);                                \
	}                                                                                                    \
	static inline uint64_t op_sbfm##bits(CPU, uint64_t value, unsigned immr, unsigned imms)              \
	{                                                                                                    \
		int64_t field = (int64_t)(value << (63 - imms)) >> (63 - imms);                              \
		return imms >= immr ? (uint64_t)(field >> immr) : (uint64_t)field << (bits - immr);          \
	}                                                                                                    \
	static inline uint64_t op_bfm##bits(CPU, uint64_t old, uint64_t value, unsigned immr, unsigned imms) \
	{                                                                                                    \
		uint64_t inserted = op_ubfm##bits(cpu, op, ~UINT64_C(0), immr, imms);                        \
		return (old & ~inserted) | op_ubfm##bits(cpu, op, value, immr, imms);                        \
	}                                                                                                    \
	static inline uint64_t op_rbit##bits(CPU, uint64_t value)                                            \
	{                                                                                                    \
		uint64_t result = 0;                                                                         \
		for (unsigned i = 0; i < bits; i++)                                                          \
			result |= (value >> i & 1) << (bits - 1 - i);                                        \
		return result;                                                                               \
	}                                                                                                    \
	static inline uint64_t op_clz##bits(CPU, uint64_t value)                                             \
	{                                                                                                    \
		return value ? (uint64_t)__builtin_clzll(value) - (64 - bits) : bits;                        \
	}                                                                                                    \
	static inline uint64_t op_cls##bits(CPU, uint64_t value)                                             \
	{                                                                                                    \
		uint##bits##_t x = (uint##bits##_t)value;                                                    \
		/* A bit differs from the one above it: how many do not, below the top. */                   \
		return op_clz##bits(cpu, op,                                                                 \
				    (uint##bits##_t)(x ^ (uint##bits##_t)((int##bits##_t)x >> 1))) -         \
		       1;                                                                                    \
	}                                                                                                    \
	static inline enum soft_step op_ccmp##bits(CPU, uint64_t a, uint64_t b, unsigned cond,               \
						   unsigned nzcv)                                            \
	{                                                                                                    \
		if (holds(cpu, cond))                                                                        \
			op_subs##bits(cpu, op, a, b);                                                        \
		else                                                                                         \
			cpu->pstate = (cpu->pstate & ~PSTATE_NZCV) | (uint64_t)nzcv << 28;                   \
		return SOFT_NEXT;                                                                            \
	}                                                                                                    \
	static inline enum soft_step op_ccmn##bits(CPU, uint64_t a, uint64_t b, unsigned cond,               \
						   unsigned nzcv)                                            \
	{                                                                                                    \
		if (holds(cpu, cond))                                                                        \
			op_adds##bits(cpu, op, a, b);                                                        \
		else                                                                                         \
			cpu->pstate = (cpu->pstate & ~PSTATE_NZCV) | (uint64_t)nzcv << 28;                   \
		return SOFT_NEXT;                                                                            \
	}
WIDTHS(WIDE)

static inline uint64_t op_not(CPU, uint64_t value)
{
	return ~value;
}

static inline uint64_t op_movk(CPU, uint64_t old, uint64_t wide, unsigned hw)
{
	return (old & ~(UINT64_C(0xffff) << 16 * hw)) | wide;
}

/* Bytes reversed in each 16, 32 or 64 bits. */
static inline uint64_t op_rev16(CPU, uint64_t value)
{
	return (value & UINT64_C(0x00ff00ff00ff00ff)) << 8 | (value >> 8 & UINT64_C(0x00ff00ff00ff00ff));
}

static inline uint64_t op_rev32(CPU, uint64_t value)
{
	return (uint64_t)__builtin_bswap32((uint32_t)(value >> 32)) << 32 |
	       __builtin_bswap32((uint32_t)value);
}

static inline uint64_t op_rev64(CPU, uint64_t value)
{
	return __builtin_bswap64(value);
}

static inline uint64_t op_madd(CPU, uint64_t n, uint64_t m, uint64_t a)
{
	return a + n * m;
}

static inline uint64_t op_msub(CPU, uint64_t n, uint64_t m, uint64_t a)
{
	return a - n * m;
}

static inline uint64_t op_smaddl(CPU, uint64_t n, uint64_t m, uint64_t a)
{
	return a + (uint64_t)((int64_t)(int32_t)n * (int32_t)m);
}

static inline uint64_t op_smsubl(CPU, uint64_t n, uint64_t m, uint64_t a)
{
	return a - (uint64_t)((int64_t)(int32_t)n * (int32_t)m);
}

static inline uint64_t crc(uint32_t accumulator, uint64_t value, unsigned size, uint32_t polynomial)
{
	for (unsigned i = 0; i < 8u << size; i++, value >>= 1)
		accumulator = accumulator >> 1 ^ (polynomial & -((accumulator ^ (uint32_t)value) & 1));
	return accumulator;
}

static inline uint64_t op_crc32(CPU, uint64_t accumulator, uint64_t value, unsigned size)
{
	return crc((uint32_t)accumulator, value, size, 0xedb88320);
}

static inline uint64_t op_crc32c(CPU, uint64_t accumulator, uint64_t value, unsigned size)
{
	return crc((uint32_t)accumulator, value, size, 0x82f63b78);
}

static inline uint64_t op_csel(CPU, uint64_t n, uint64_t m, unsigned cond)
{
	return holds(cpu, cond) ? n : m;
}

static inline uint64_t op_csinc(CPU, uint64_t n, uint64_t m, unsigned cond)
{
	return holds(cpu, cond) ? n : m + 1;
}

static inline uint64_t op_csinv(CPU, uint64_t n, uint64_t m, unsigned cond)
{
	return holds(cpu, cond) ? n : ~m;
}

static inline uint64_t op_csneg(CPU, uint64_t n, uint64_t m, unsigned cond)
{
	return holds(cpu, cond) ? n : 0 - m;
}

static inline enum soft_step op_rmif(CPU, uint64_t value, unsigned amount, unsigned mask)
{
	uint64_t flags = (value >> amount | value << (-amount & 63)) & mask;

	cpu->pstate = (cpu->pstate & ~((uint64_t)mask << 28)) | flags << 28;
	return SOFT_NEXT;
}

/* C stays. */
static inline enum soft_step setf(struct soft_cpu *cpu, uint64_t value, unsigned bits)
{
	set_nzcv(cpu, value >> (bits - 1) & 1, !(value << (64 - bits)), flag(cpu, FLAG_C),
		 (value >> bits ^ value >> (bits - 1)) & 1);
	return SOFT_NEXT;
}

static inline enum soft_step op_setf8(CPU, uint64_t value)
{
	return setf(cpu, value, 8);
}

static inline enum soft_step op_setf16(CPU, uint64_t value)
{
	return setf(cpu, value, 16);
}

/* Branches */
static inline enum soft_step op_b(CPU, uint64_t target)
{
	cpu->pc = target;
	return SOFT_JUMPED;
}

static inline enum soft_step op_bl(CPU, uint64_t target)
{
	cpu->x[30] = cpu->pc + 4;
	return op_b(cpu, op, target);
}

static inline enum soft_step op_br(CPU, uint64_t target)
{
	/* Only what has more than the sign in its top bits can have a tag that is to go. */
	if (__builtin_expect((uint64_t)((int64_t)target >> 55) + 1 > 1, 0))
		target = soft_branch_address(cpu, target);
	return op_b(cpu, op, target);
}

static inline enum soft_step op_blr(CPU, uint64_t target)
{
	cpu->x[30] = cpu->pc + 4;
	return op_br(cpu, op, target);
}

static inline enum soft_step op_b_cond(CPU, unsigned cond, uint64_t target)
{
	return holds(cpu, cond) ? op_b(cpu, op, target) : SOFT_NEXT;
}

static inline enum soft_step op_cbz(CPU, uint64_t value, uint64_t target)
{
	return value ? SOFT_NEXT : op_b(cpu, op, target);
}

static inline enum soft_step op_cbnz(CPU, uint64_t value, uint64_t target)
{
	return value ? op_b(cpu, op, target) : SOFT_NEXT;
}

static inline enum soft_step op_tbz(CPU, uint64_t value, unsigned bit, uint64_t target)
{
	return value >> bit & 1 ? SOFT_NEXT : op_b(cpu, op, target);
}

static inline enum soft_step op_tbnz(CPU, uint64_t value, unsigned bit, uint64_t target)
{
	return value >> bit & 1 ? op_b(cpu, op, target) : SOFT_NEXT;
}

/* Exceptions. SVC and HVC return behind themselves, and have then been stepped (SSAdvance). */
static inline enum soft_step op_svc(CPU, unsigned imm16)
{
	cpu->pc += 4;
	if (cpu->caches->attention && soft_steps(cpu))
		cpu->pstate &= ~SV_PSTATE_SS;
	return soft_take(cpu, EC_SVC, imm16);
}

static inline enum soft_step op_hvc(CPU, unsigned imm16)
{
	if (!soft_el(cpu))
		return SOFT_UNDEFINED;
	cpu->immediate = (uint16_t)imm16;
	return soft_leave(cpu, SOFT_HVC, SOFT_LEAVE_NEXT);
}

static inline enum soft_step op_smc(CPU, unsigned imm16)
{
	if (!soft_el(cpu))
		return SOFT_UNDEFINED;
	cpu->immediate = (uint16_t)imm16;
	return soft_leave(cpu, SOFT_SMC, SOFT_LEAVE);
}

static inline enum soft_step op_brk(CPU, unsigned imm16)
{
	return soft_take(cpu, EC_BRK, imm16);
}

static inline enum soft_step op_eret(CPU)
{
	return soft_el(cpu) ? soft_return(cpu) : SOFT_UNDEFINED;
}

/* System */
static inline enum soft_step op_nop(CPU)
{
	return SOFT_NEXT;
}

static inline enum soft_step op_clrex(CPU)
{
	cpu->exclusive.valid = false;
	return SOFT_NEXT;
}

/* Of whatever kind: what is behind it sees what is before it, on other CPUs too. */
static inline enum soft_step op_barrier(CPU, unsigned kind)
{
	atomic_thread_fence(memory_order_seq_cst);
	return SOFT_NEXT;
}

static inline enum soft_step op_hint(CPU, uint32_t word)
{
	return soft_hint(cpu, word);
}

static inline enum soft_step op_msr_immediate(CPU, uint32_t word)
{
	return soft_msr_immediate(cpu, word);
}

static inline enum soft_step op_msr(CPU, uint32_t word, uint64_t value)
{
	return soft_msr(cpu, word, value);
}

static inline enum soft_step op_mrs(CPU, uint32_t word)
{
	return soft_mrs(cpu, word);
}

static inline enum soft_step op_sys(CPU, uint32_t word, uint64_t value)
{
	return soft_sys(cpu, word, value);
}

#undef SIMPLE
#undef WIDE
#undef WIDTHS

#endif
