/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold for every word, against the plain reading of the rows: a word is the one row it matches. */
#include <stdlib.h>

#include "support/check.h"
#include "insn/text.h"

#include <salvage/insn.h>

static const struct sv_row *rows;
static size_t count;

static const struct sv_row *match(uint32_t word)
{
	for (size_t i = 0; i < count; i++)
		if ((word & rows[i].mask) == rows[i].value)
			return &rows[i];
	return NULL;
}

static void rows_are_disjoint(void **state)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].value & ~rows[i].mask, 0);
		for (size_t j = 0; j < i; j++)
			if (!((rows[i].value ^ rows[j].value) & rows[i].mask & rows[j].mask))
				fail_msg("%s overlaps %s", sv_row_name(&rows[i]), sv_row_name(&rows[j]));
	}
}

/* No row tests bits 9 to 0, so this covers every path of the decision tree. */
static void every_opcode(void **state)
{
	struct sv_insn insn;
	uint32_t tested = 0, taken = 0;

	for (size_t i = 0; i < count; i++)
		tested |= rows[i].mask;
	assert_int_equal(tested & 0x3ff, 0);
	for (uint32_t high = 0; high < 1 << 22; high++) {
		uint32_t word = high << 10 | 0x155;
		const struct sv_row *row = match(word);
		enum sv_status status = sv_decode(SV_A64, word, &insn);

		if (row ? status != SV_OK || insn.row != row : status != SV_NOT_MEMORY)
			fail_msg("%08x is %s", word, row ? sv_row_name(row) : "no row's");
		taken += !!row;
	}
	assert_true(taken);
}

static void random_words_of_every_row(void **state)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < count; i++) {
		for (unsigned n = 0; n < 2000; n++) {
			uint32_t word = rows[i].value | ((uint32_t)random_next(&seed) & ~rows[i].mask);
			struct sv_insn insn;
			char text[64];
			size_t length;

			assert_int_equal(sv_decode(SV_A64, word, &insn), SV_OK);
			assert_ptr_equal(insn.row, &rows[i]);
			assert_int_equal(insn.word, word);
			assert_true(insn.Rt < 32 && insn.Rt2 < 32 && insn.Rn < 32 && insn.Rm < 32 &&
				    insn.amount < 4);
			/*
			 * No immediate reaches further than imm19's 1 MiB, and all that scale are multiples
			 * of their scale.
			 */
			assert_true(insn.imm >= -(1 << 20) && insn.imm < 1 << 20);
			if (insn.row->imm == SV_IMM_12 || insn.row->imm == SV_IMM_7)
				assert_int_equal(insn.imm % insn.row->esize, 0);
			length = sv_insn_format(&insn, random_next(&seed), text, sizeof(text));
			assert_true(length < sizeof(text) && length == strlen(text));
			assert_null(strpbrk(text, "<>{}"));
		}
	}
}

static void text_is_cut_at_size(void **state)
{
	static const uint32_t words[] = {0xa9400801, 0xf8408401, 0x386a5949, 0xd8ffffe0 & ~(1u << 31)};

	for (size_t i = 0; i < COUNT(words); i++) {
		char whole[64], cut[64];
		struct sv_insn insn;
		size_t length;

		assert_int_equal(sv_decode(SV_A64, words[i], &insn), SV_OK);
		length = sv_insn_format(&insn, 0, whole, sizeof(whole));
		assert_int_equal(sv_insn_format(&insn, 0, NULL, 0), length);
		for (size_t size = 1; size <= length + 2; size++) {
			size_t kept = size - 1 < length ? size - 1 : length;

			memset(cut, '!', sizeof(cut));
			assert_int_equal(sv_insn_format(&insn, 0, cut, size), length);
			assert_memory_equal(cut, whole, kept);
			assert_int_equal(cut[kept], 0);
			assert_int_equal(cut[kept + 1], '!');
		}
	}
}

static void text_writer(void **state)
{
	struct sv_text text;
	char buffer[80];

	sv_text_begin(&text, buffer, sizeof(buffer));
	sv_text_signed(&text, INT64_MIN);
	sv_text_char(&text, ' ');
	sv_text_decimal(&text, UINT64_MAX);
	sv_text_char(&text, ' ');
	sv_text_hex(&text, 0, 1);
	sv_text_char(&text, ' ');
	sv_text_hex(&text, 0xbeef, 8);
	sv_text_string(&text, "");
	size_t length = sv_text_end(&text);

	assert_int_equal(length, strlen(buffer));
	assert_string_equal(buffer, "-9223372036854775808 18446744073709551615 0x0 0x0000beef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_disjoint),
		cmocka_unit_test(every_opcode),
		cmocka_unit_test(random_words_of_every_row),
		cmocka_unit_test(text_is_cut_at_size),
		cmocka_unit_test(text_writer),
	};

	rows = sv_rows(SV_A64, &count);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
