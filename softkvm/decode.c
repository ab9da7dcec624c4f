/* SPDX-License-Identifier: BSD-2-Clause */
/* From a word to what executes it. */
#include "model.h"

/* Features by where the ID registers, which are fixed, say that they are there. */
static const struct {
	const char *name;
	enum soft_reg reg;
	uint8_t at, least;
} features[] = {
	{"FEAT_CRC32", SOFT_ID_AA64ISAR0_EL1, 16, 1}, {"FEAT_LSE", SOFT_ID_AA64ISAR0_EL1, 20, 2},
	{"FEAT_FlagM", SOFT_ID_AA64ISAR0_EL1, 52, 1}, {"FEAT_FlagM2", SOFT_ID_AA64ISAR0_EL1, 52, 2},
	{"FEAT_DPB", SOFT_ID_AA64ISAR1_EL1, 0, 1},    {"FEAT_DPB2", SOFT_ID_AA64ISAR1_EL1, 0, 2},
	{"FEAT_LRCPC", SOFT_ID_AA64ISAR1_EL1, 20, 1}, {"FEAT_LRCPC2", SOFT_ID_AA64ISAR1_EL1, 20, 2},
	{"FEAT_SB", SOFT_ID_AA64ISAR1_EL1, 36, 1},    {"FEAT_PAN", SOFT_ID_AA64MMFR1_EL1, 20, 1},
	{"FEAT_PAN2", SOFT_ID_AA64MMFR1_EL1, 20, 2},  {"FEAT_UAO", SOFT_ID_AA64MMFR2_EL1, 4, 1},
};

bool soft_feature(const char *name)
{
	if (!*name)
		return true;
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (!strcmp(features[i].name, name))
			return (soft_regs[features[i].reg].reset >> features[i].at & 0xf) >=
			       features[i].least;
	return false;
}

static enum soft_step undefined(struct soft_cpu *cpu, const struct soft_op *op)
{
	return SOFT_UNDEFINED;
}

static const struct soft_row *find(uint32_t word)
{
	uint32_t entry = 0;

	do {
		uint32_t node = soft_tree[entry];

		entry = soft_tree[entry + 1 + (word >> (node & 31) & node >> 5)];
		if (!entry)
			return NULL;
	} while (entry < SOFT_TREE_ROW);

	const struct soft_row *row = &soft_rows[entry - SOFT_TREE_ROW];

	return (word & row->mask) == row->value ? row : NULL;
}

void soft_decode(uint32_t word, struct soft_op *op)
{
	const struct soft_row *row;
	struct sv_insn insn;

	*op = (struct soft_op){
		.run = undefined,
		.word = word,
		.Rd = word & 31,
		.Rn = word >> 5 & 31,
		.Rm = word >> 16 & 31,
		.Ra = word >> 10 & 31,
		.row = SOFT_NO_ROW,
	};
	if (sv_decode(SV_A64, word, &insn) == SV_OK) {
		soft_decode_access(&insn, op);
		return;
	}
	row = find(word);
	if (!row)
		return;
	op->row = (uint16_t)(row - soft_rows);
	if (soft_feature(row->feature) && row->prepare(word, op))
		op->run = row->run;
}
