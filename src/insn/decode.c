/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables.h"

static uint8_t field(uint32_t word, struct sv_field field)
{
	return word >> field.shift & field.mask;
}

static const struct sv_row *find(const struct sv_tables *tables, uint32_t word)
{
	uint32_t entry = 0;

	do {
		uint32_t node = tables->tree[entry];

		entry = tables->tree[entry + 1 + (word >> (node & 31) & node >> 5)];
		if (entry == SV_TREE_NONE)
			return NULL;
	} while (entry < SV_TREE_ROW);

	const struct sv_row *row = &tables->rows[entry - SV_TREE_ROW];

	return (word & row->mask) == row->value ? row : NULL;
}

const struct sv_row *sv_classify(enum sv_isa isa, uint32_t word)
{
	return isa == SV_A64 ? find(&sv_a64, word) : NULL;
}

/* The relations that few rows care about. */
static unsigned unusual_relations(const struct sv_layout *layout, uint32_t word)
{
	unsigned Rt = field(word, layout->Rt), Rt2 = field(word, layout->Rt2), Rn = field(word, layout->Rn);
	unsigned Rm = field(word, layout->Rm), Rs = field(word, layout->Rs);

	return (Rs == Rt) * SV_RELATION_s_t | (Rs == Rt2) * SV_RELATION_s_t2 |
	       (Rs == Rn && Rn != 31) * SV_RELATION_s_n | (Rt == 31) * SV_RELATION_t_31 |
	       (Rt2 == 31) * SV_RELATION_t2_31 | (Rs == 31) * SV_RELATION_s_31 |
	       (Rn == 31) * SV_RELATION_n_31 | (Rt >= 24) * SV_RELATION_t_24 | (Rm == 31) * SV_RELATION_m_31 |
	       (sv_size(word) == 3 && !sv_Q(word)) * SV_RELATION_1d;
}

/*
 * Element size, count and lane of the vector structures, from Q, S and size (DDI 0487, C4.1, "Advanced SIMD
 * load/store ...").
 */
static void structure(struct sv_insn *insn)
{
	const struct sv_row *row = insn->row;
	unsigned size = sv_size(insn->word), Q = sv_Q(insn->word);

	if (row->form == SV_FORM_LANE) {
		unsigned lane = Q << 3 | (insn->word >> 12 & 1) << 2 | size;

		insn->index = (uint8_t)(lane / row->esize);
		return;
	}
	insn->esize = (uint8_t)(1u << size);
	insn->lanes = (uint8_t)((Q ? 16 : 8) >> size);
	if (row->form == SV_FORM_MULTIPLE)
		insn->count = (uint8_t)(row->registers * insn->lanes);
}

/* Immediates that no layout describes. */
static void unusual_immediate(struct sv_insn *insn)
{
	int64_t bytes = insn->esize * insn->count;

	if (insn->row->imm == SV_IMM_10)
		insn->imm = ((insn->imm & 0x1ff) - (int64_t)(insn->word >> 22 & 1) * 512) * 8;
	else if (insn->row->imm == SV_IMM_FOOTPRINT)
		insn->imm = insn->row->mode == SV_MODE_PRE ? -bytes : bytes;
	else if (insn->row->imm == SV_IMM_VL)
		insn->imm *= insn->row->registers;
	else
		insn->imm |= insn->word >> 10 & 7;
}

enum sv_status sv_decode(enum sv_isa isa, uint32_t word, struct sv_insn *insn)
{
	if (isa != SV_A64)
		return SV_UNSUPPORTED;

	const struct sv_row *row = find(&sv_a64, word);

	if (!row)
		return SV_NOT_MEMORY;

	const struct sv_layout *layout = &sv_a64.layouts[row->layout];
	uint8_t Rt = field(word, layout->Rt), Rt2 = field(word, layout->Rt2), Rn = field(word, layout->Rn);
	unsigned relations = (Rt == Rt2) * SV_RELATION_t_t2;

	if (Rn != 31)
		relations |= (Rt == Rn) * SV_RELATION_t_n | (Rt2 == Rn) * SV_RELATION_t2_n;

	if ((layout->unpredictable | layout->undefined) & ~SV_RELATION_USUAL) {
		relations |= unusual_relations(layout, word);
		if (relations & layout->undefined)
			return SV_NOT_MEMORY;
	}
	*insn = (struct sv_insn){
		.row = row,
		.word = word,
		.isa = isa,
		.length = 4,
		.Rt = Rt,
		.Rt2 = Rt2,
		.Rn = Rn,
		.Rm = field(word, layout->Rm),
		.Rs = field(word, layout->Rs),
		.Pg = field(word, layout->Pg),
		.option = field(word, layout->option),
		.amount = field(word, layout->S) * layout->scale,
		.esize = row->esize,
		.count = row->count,
		.lanes = 1,
		.unpredictable = (relations & layout->unpredictable) ||
				 ((word ^ layout->should_value) & layout->should_mask),
		.imm = (int64_t)((uint64_t)(word & layout->imm_mask) << layout->imm_left) >>
		       layout->imm_right,
	};
	if (row->form >= SV_FORM_MULTIPLE && row->form <= SV_FORM_REPLICATE)
		structure(insn);
	if (row->imm >= SV_IMM_10)
		unusual_immediate(insn);
	return SV_OK;
}
