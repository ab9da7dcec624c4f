/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that remember who read and wrote them, in order. */
#ifndef MACHINE_H
#define MACHINE_H

#include <salvage/insn.h>

/* Registers by one number: enum sv_reg, and after it the vector registers. */
#define MACHINE_V(n) ((enum sv_reg)(SV_REG_COUNT + (n)))
#define MACHINE_REGS (SV_REG_COUNT + 32)

struct machine_value {
	uint8_t bytes[16]; /* the least significant first; 8 of them for other than vector registers */
};

struct machine {
	struct machine_value regs[MACHINE_REGS];
	bool read[MACHINE_REGS];
	struct {
		enum sv_reg reg;
		struct machine_value value;
	} written[8];
	unsigned writes;
	enum sv_reg broken; /* reading or writing it fails; MACHINE_REGS: none */
};

struct machine_value machine_u64(uint64_t value);

extern const struct sv_regs_ops machine_ops;

#endif
