/* SPDX-License-Identifier: BSD-2-Clause */
/* What zeroes memory: shared by DC ZVA and the tag instructions that do. Private. */
#ifndef SALVAGE_BLOCK_H
#define SALVAGE_BLOCK_H

#include "operands.h"

/* The block around address that DC ZVA zeroes becomes the footprint. */
enum sv_status sv_block_plan(const struct sv_insn *insn, uint64_t address, const struct sv_regs_ops *ops,
			     void *vcpu, struct sv_plan *plan);

enum sv_status sv_zero_data(const struct sv_insn *insn, const struct sv_regs_ops *ops, void *vcpu,
			    struct sv_plan *plan);

#endif
