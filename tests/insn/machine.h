/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that remember who read and wrote them, in order. */
#ifndef MACHINE_H
#define MACHINE_H

#include <salvage/insn.h>

struct machine {
	uint64_t regs[SV_REG_COUNT];
	bool read[SV_REG_COUNT];
	struct {
		enum sv_reg reg;
		uint64_t value;
	} written[8];
	unsigned writes;
	enum sv_reg broken; /* reading or writing it fails; SV_REG_COUNT: none */
};

extern const struct sv_regs_ops machine_ops;

#endif
