/* SPDX-License-Identifier: BSD-2-Clause */
/* What isa/gen.py makes of an instruction set, and what the code beside this file walks. Private. */
#ifndef SALVAGE_TABLES_H
#define SALVAGE_TABLES_H

#include <salvage/insn.h>

/* word >> shift & mask; a field that the encoding does not have has mask 0 and reads as 0. */
struct sv_field {
	uint8_t shift, mask;
};

/* Fields that lie at one place in all words that have them: vector structures. */
static inline unsigned sv_Q(uint32_t word)
{
	return word >> 30 & 1;
}

static inline unsigned sv_size(uint32_t word)
{
	return word >> 10 & 3;
}

/*
 * What two register fields may have in common, or one may be: a layout says which of these make a word
 * CONSTRAINED UNPREDICTABLE and which UNDEFINED. The first group is cheap and usual; sv_decode looks at the
 * others only where a layout names one.
 */
enum sv_relation {
	SV_RELATION_t_n = 1 << 0,  /* Rt and Rn, unless Rn is SP: writeback */
	SV_RELATION_t2_n = 1 << 1, /* Rt2 and Rn, likewise */
	SV_RELATION_t_t2 = 1 << 2, /* Rt and Rt2: a load of a pair */
	SV_RELATION_USUAL = 7,
	SV_RELATION_s_t = 1 << 3,
	SV_RELATION_s_t2 = 1 << 4,
	SV_RELATION_s_n = 1 << 5, /* unless Rn is SP */
	SV_RELATION_t_31 = 1 << 6,
	SV_RELATION_t2_31 = 1 << 7,
	SV_RELATION_s_31 = 1 << 8,
	SV_RELATION_n_31 = 1 << 9,
	SV_RELATION_t_24 = 1 << 10, /* Rt from 24 on: there are no seven registers after it */
	SV_RELATION_1d = 1 << 11,   /* Q:size says the arrangement 1D */
	SV_RELATION_m_31 = 1 << 12,
};

/* Where a word keeps its fields. Rows that agree share one. */
struct sv_layout {
	uint32_t imm_mask; /* the immediate: (int64_t)((word & imm_mask) << imm_left) >> imm_right */
	uint32_t should_mask, should_value; /* the bits the Arm ARM draws as (0) and (1) */
	uint8_t imm_left, imm_right;
	uint8_t scale;                     /* insn.amount if S is set */
	uint16_t unpredictable, undefined; /* enum sv_relation */
	struct sv_field Rt, Rt2, Rn, Rm, Rs, Pg, option, S;
};

/* Operands in a printing template; any other byte stands for itself. isa/gen.py knows them by these names. */
enum sv_operand {
	SV_OPERAND_END,
	SV_OPERAND_Wt = 0x80, /* below are characters */
	SV_OPERAND_Xt,
	SV_OPERAND_Wt2,
	SV_OPERAND_Xt2,
	SV_OPERAND_Wtn, /* W(t+1) */
	SV_OPERAND_Xtn,
	SV_OPERAND_Ws,
	SV_OPERAND_Xs,
	SV_OPERAND_Wsn,
	SV_OPERAND_Xsn,
	SV_OPERAND_Xn,
	SV_OPERAND_XtSP,
	SV_OPERAND_XnSP,
	SV_OPERAND_Vt, /* a vector register's number */
	SV_OPERAND_Vt2,
	SV_OPERAND_Vs,
	SV_OPERAND_list,  /* vector registers with an arrangement */
	SV_OPERAND_lanes, /* vector registers with an element size */
	SV_OPERAND_index,
	SV_OPERAND_Rm,
	SV_OPERAND_Xm,     /* 31: the footprint as an immediate */
	SV_OPERAND_extend, /* with the comma before it; nothing for LSL without a shift */
	SV_OPERAND_imm,
	SV_OPERAND_offset, /* ", #imm"; nothing for 0 */
	SV_OPERAND_label,
	SV_OPERAND_Zt0, /* a vector register's number, and so many after it */
	SV_OPERAND_Zt1,
	SV_OPERAND_Zt2,
	SV_OPERAND_Zt3,
	SV_OPERAND_Zt4,
	SV_OPERAND_Zt8,
	SV_OPERAND_Zt12,
	SV_OPERAND_range, /* three or four Z registers from Rt on */
	SV_OPERAND_Zn,
	SV_OPERAND_Zm,
	SV_OPERAND_Pt,
	SV_OPERAND_Pg,
	SV_OPERAND_PNg,
	SV_OPERAND_added,   /* ", <Xm>"; nothing for 31 */
	SV_OPERAND_shifted, /* Xm and the shift by the element's size */
	SV_OPERAND_indexed, /* ", " and that; nothing for 31 */
	SV_OPERAND_vectors, /* ", #imm, mul vl"; nothing for 0 */
	SV_OPERAND_mod,     /* sxtw or uxtw */
	SV_OPERAND_Wv,
	SV_OPERAND_offs,
	SV_OPERAND_offsvl,
	SV_OPERAND_tile,
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
