/* SPDX-License-Identifier: BSD-2-Clause */
/* decode.txt: words, and what they decode to. */
#include <stdlib.h>

#include "support/check.h"
#include "table.h"

static const char *path;

/* The fields a case mentions; the others stay 0. */
static struct sv_insn expected_fields(const struct table *table, char *list, enum sv_refusal *refusal)
{
	static const char *const refusals[] = {"",
#define X(name, text) #name,
					       SV_REFUSALS(X)
#undef X
	};

	struct sv_insn insn = {.lanes = 1};
	struct {
		const char *name;
		uint8_t *field;
	} fields[] = {
		{"Rt", &insn.Rt},         {"Rt2", &insn.Rt2},       {"Rn", &insn.Rn}, {"Rm", &insn.Rm},
		{"option", &insn.option}, {"amount", &insn.amount}, {"Rs", &insn.Rs}, {"lanes", &insn.lanes},
		{"Pg", &insn.Pg},         {"index", &insn.index},
	};
	char *name, *value;

	while ((name = table_token(&list, &value))) {
		size_t i = 0;

		while (i < COUNT(fields) && strcmp(fields[i].name, name))
			i++;
		if (i < COUNT(fields))
			*fields[i].field = (uint8_t)atoi(value);
		else if (!strcmp(name, "imm"))
			insn.imm = atoll(value);
		else if (!strcmp(name, "refused"))
			for (*refusal = SV_REFUSAL_COUNT - 1;
			     *refusal && strcasecmp(refusals[*refusal], value);)
				--*refusal;
		else if (!strcmp(name, "unpredictable"))
			insn.unpredictable = true;
		else
			fail_msg("%s: unknown field %s", table->where, name);
	}
	return insn;
}

static void check_row(const struct table *table, const struct sv_insn *insn)
{
	const struct sv_row *row = insn->row;
	char isv[8], access[16];

	check(table->where, row == table_row(table, table->column[1]));
	snprintf(isv, sizeof(isv), "isv=%d", !!(row->flags & SV_ROW_ISV));
	snprintf(access, sizeof(access), "%s%s %ux%u%s", row->flags & SV_ROW_LOAD ? "r" : "",
		 row->flags & SV_ROW_STORE ? "w" : "", insn->count, insn->esize,
		 row->flags & SV_ROW_SIGNED ? "s" : "");
	check(table->where, !strcmp(sv_class_name(row->iclass), table->column[3]));
	check(table->where, !strcmp(isv, table->column[4]));
	check(table->where, !strcmp(access, table->column[5]));
	check(table->where, row->flags & (SV_ROW_LOAD | SV_ROW_STORE));
	check(table->where, row->flags & SV_ROW_UNPRIV || strcmp(table->column[3], "unprivileged"));
	/* Every ordered row acquires or releases, and no plain one does. */
	check(table->where,
	      row->flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE) || strcmp(table->column[3], "ordered"));
	check(table->where,
	      !(row->flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE)) || row->iclass >= SV_CLASS_ORDERED);
}

static void cases(void **state)
{
	unsigned taken = 0, refused = 0;
	size_t rows, seen_count = 0;
	const struct sv_row *first = sv_rows(SV_A64, &rows);
	bool *seen = calloc(rows, sizeof(*seen));
	struct table table;
	char text[SV_INSN_TEXT];

	table_open(&table, path);
	while (table_next(&table)) {
		uint32_t word = (uint32_t)table_hex(&table, table.column[0]);
		struct sv_insn insn, untouched;

		memset(&insn, 0xa5, sizeof(insn));
		untouched = insn;
		if (!strcmp(table.column[1], "-")) {
			check(table.where, sv_decode(SV_A64, word, &insn) == SV_NOT_MEMORY);
			check(table.where, !memcmp(&insn, &untouched, sizeof(insn)));
			refused++;
			continue;
		}
		check(table.where, sv_decode(SV_A64, word, &insn) == SV_OK);
		check_row(&table, &insn);

		enum sv_refusal refusal = SV_REFUSAL_NONE;
		struct sv_insn expected = expected_fields(&table, table.column[6], &refusal);

		check(table.where, insn.word == word && insn.isa == SV_A64 && insn.length == 4);
		check(table.where, insn.Rt == expected.Rt && insn.Rt2 == expected.Rt2);
		check(table.where, insn.Rn == expected.Rn && insn.Rm == expected.Rm);
		check(table.where, insn.option == expected.option && insn.amount == expected.amount);
		check(table.where, insn.imm == expected.imm && insn.Rs == expected.Rs);
		check(table.where, insn.lanes == expected.lanes && insn.index == expected.index);
		check(table.where, insn.Pg == expected.Pg);
		check(table.where, insn.row->refusal == refusal);
		check(table.where, insn.unpredictable == expected.unpredictable);
		check(table.where, sv_insn_format(&insn, 0, text, sizeof(text)) == strlen(table.column[2]));
		check(table.where, !strcmp(text, table.column[2]));
		seen_count += !seen[insn.row - first];
		seen[insn.row - first] = true;
		taken++;
	}
	for (size_t i = 0; i < rows; i++)
		if (!seen[i])
			fail_msg("%s has no case", sv_row_name(&first[i]));
	assert_int_equal(seen_count, rows);
	assert_true(taken > rows && refused > 50);
	free(seen);
}

static void literals_with_a_pc(void **state)
{
	static const struct {
		uint32_t word;
		uint64_t pc;
		const char *text;
	} cases[] = {
		{0x58000040, 0x40080000, "ldr x0, 0x40080008"},
		{0x18ffffe1, 0x40080000, "ldr w1, 0x4007fffc"},
		{0x98800000, 0xffff800010000000, "ldrsw x0, 0xffff80000ff00000"},
		{0x58000020, 0xfffffffffffffffc, "ldr x0, 0x0"},
		{0xf8408401, 0x40080000, "ldr x1, [x0], #8"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_insn insn;
		char text[SV_INSN_TEXT];

		assert_int_equal(sv_decode(SV_A64, cases[i].word, &insn), SV_OK);
		sv_insn_format(&insn, cases[i].pc, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

static void other_instruction_sets(void **state)
{
	struct sv_insn insn;
	size_t count = 1;

	assert_int_equal(sv_decode(SV_A32, 0xe5910000, &insn), SV_UNSUPPORTED);
	assert_int_equal(sv_decode(SV_T32, 0x6808, &insn), SV_UNSUPPORTED);
	assert_null(sv_rows(SV_T32, &count));
	assert_int_equal(count, 0);
	assert_string_equal(sv_class_name(SV_CLASS_PAIR), "pair");
	assert_non_null(sv_class_name(SV_CLASS_COUNT));
}

static void features(void **state)
{
	static const struct {
		const char *encoding, *feature;
	} cases[] = {
		{"LDP_64_ldstpair_off", ""},
		{"LDLAR_LR64_ldstord", "FEAT_LOR"},
		{"LDAR_LR64_ldstord", ""},
		{"LDAPRH_32L_memop", "FEAT_LRCPC"},
		{"STLUR_64_ldapstl_unscaled", "FEAT_LRCPC2"},
	};
	struct table nowhere = {.where = "features"};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(sv_row_feature(table_row(&nowhere, cases[i].encoding)), cases[i].feature);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(literals_with_a_pc),
		cmocka_unit_test(other_instruction_sets),
		cmocka_unit_test(features),
	};

	path = argc > 1 ? argv[1] : "decode.txt";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
