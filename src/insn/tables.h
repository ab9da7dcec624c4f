/* SPDX-License-Identifier: BSD-2-Clause */
/* What isa/gen.py makes of an instruction set, and what the code beside this file walks. Private. */
#ifndef SALVAGE_TABLES_H
#define SALVAGE_TABLES_H

#include <salvage/insn.h>

/* word >> shift & mask; a field that the encoding does not have has mask 0 and reads as 0. */
struct sv_field {
	uint8_t shift, mask;
};

/* Register fields that must differ, or the word is CONSTRAINED UNPREDICTABLE. */
enum sv_distinct {
	SV_DISTINCT_t_n = 1 << 0,  /* Rt and Rn, unless Rn is SP: writeback */
	SV_DISTINCT_t2_n = 1 << 1, /* Rt2 and Rn, likewise */
	SV_DISTINCT_t_t2 = 1 << 2, /* Rt and Rt2: a load of a pair */
};

/* Where a word keeps its fields. Rows that agree share one. */
struct sv_layout {
	uint32_t imm_mask; /* the immediate: (int64_t)((word & imm_mask) << imm_left) >> imm_right */
	uint32_t should_mask, should_value; /* the bits the Arm ARM draws as (0) and (1) */
	uint8_t imm_left, imm_right;
	uint8_t scale;    /* insn.amount if S is set */
	uint8_t distinct; /* enum sv_distinct */
	struct sv_field Rt, Rt2, Rn, Rm, option, S;
};

/* Operands in a printing template; any other byte stands for itself. isa/gen.py knows them by these names. */
enum sv_operand {
	SV_OPERAND_END,
	SV_OPERAND_Wt,
	SV_OPERAND_Xt,
	SV_OPERAND_Wt2,
	SV_OPERAND_Xt2,
	SV_OPERAND_XnSP,
	SV_OPERAND_Rm,
	SV_OPERAND_extend, /* with the comma before it; nothing for LSL without a shift */
	SV_OPERAND_imm,
	SV_OPERAND_offset, /* ", #imm"; nothing for 0 */
	SV_OPERAND_label,
};

/*
 * The decision tree. A node is a header, shift | mask << 5, and mask + 1 entries, of which word >> shift &
 * mask picks one: another node's index, SV_TREE_ROW + a row's index, or SV_TREE_NONE. The root is at 0. A
 * path tests enough bits to tell its row from all others, not all its bits: the row's mask has the last
 * word.
 */
#define SV_TREE_NONE 0
#define SV_TREE_ROW  0x8000

struct sv_tables {
	const struct sv_row *rows;
	const struct sv_layout *layouts;
	const uint16_t *tree;
	const char *mnemonics; /* row->mnemonic indexes it */
	const uint8_t *syntax; /* row->syntax indexes it: enum sv_operand and characters */
	size_t count;          /* of rows */
};

/* Apart from the tables, so that a decoder linked without rows.c does not carry them. */
struct sv_names {
	const struct sv_row_names {
		uint16_t name, feature;
	} * rows;
	const char *pool; /* what both index */
};

extern const struct sv_tables sv_a64;
extern const struct sv_names sv_a64_names;

#endif
