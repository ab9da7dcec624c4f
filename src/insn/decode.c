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

enum sv_status sv_decode(enum sv_isa isa, uint32_t word, struct sv_insn *insn)
{
	if (isa != SV_A64)
		return SV_UNSUPPORTED;

	const struct sv_row *row = find(&sv_a64, word);

	if (!row)
		return SV_NOT_MEMORY;

	const struct sv_layout *layout = &sv_a64.layouts[row->layout];
	uint8_t Rt = field(word, layout->Rt), Rt2 = field(word, layout->Rt2), Rn = field(word, layout->Rn);
	unsigned same = 0;

	if (Rn != 31)
		same |= (Rt == Rn) * SV_DISTINCT_t_n | (Rt2 == Rn) * SV_DISTINCT_t2_n;
	same |= (Rt == Rt2) * SV_DISTINCT_t_t2;

	*insn = (struct sv_insn){
		.row = row,
		.word = word,
		.isa = isa,
		.length = 4,
		.Rt = Rt,
		.Rt2 = Rt2,
		.Rn = Rn,
		.Rm = field(word, layout->Rm),
		.option = field(word, layout->option),
		.amount = field(word, layout->S) * layout->scale,
		.unpredictable =
			(same & layout->distinct) || ((word ^ layout->should_value) & layout->should_mask),
		.imm = (int64_t)((uint64_t)(word & layout->imm_mask) << layout->imm_left) >>
		       layout->imm_right,
	};
	return SV_OK;
}
