/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that remember who read and wrote them, in order. */
#ifndef MACHINE_H
#define MACHINE_H

#include <salvage/insn.h>

/* Registers by one number: enum sv_reg, and after it V (of which Z is the whole), P and the vector length. */
#define MACHINE_V(n)   ((enum sv_reg)(SV_REG_COUNT + (n)))
#define MACHINE_P(n)   MACHINE_V(32 + (n))
#define MACHINE_VECTOR MACHINE_P(16)
#define MACHINE_REGS   (MACHINE_VECTOR + 1)

struct machine_value {
	/*
	 * The least significant first: 8 of a general register, 16 of V, a vector of Z, an eighth of it of P.
	 */
	uint8_t bytes[SV_VECTOR_BYTES];
};

struct machine {
	struct machine_value regs[MACHINE_REGS];
	bool read[MACHINE_REGS];
	struct {
		enum sv_reg reg;
		struct machine_value value;
	} written[8];
	unsigned writes;
	unsigned vector;    /* bytes; 0: no SVE */
	enum sv_reg broken; /* reading or writing it fails; MACHINE_REGS: none */
};

struct machine_value machine_u64(uint64_t value);

extern const struct sv_regs_ops machine_ops;

#endif
