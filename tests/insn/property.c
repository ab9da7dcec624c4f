/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold for every word, against the plain reading of the rows: a word is the one row it matches. */
#include <stdlib.h>

#include "support/check.h"
#include "insn/text.h"

#include <salvage/insn.h>

static const struct sv_row *rows;
static size_t count;

static void rows_are_disjoint(void **state)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rows[i].value & ~rows[i].mask, 0);
		for (size_t j = 0; j < i; j++)
			if (!((rows[i].value ^ rows[j].value) & rows[i].mask & rows[j].mask))
				fail_msg("%s overlaps %s", sv_row_name(&rows[i]), sv_row_name(&rows[j]));
	}
}

/*
 * Every path of the decision tree: all of bits 31 to 10, under some patterns of the others. A word that is
 * taken must have the row's bits, and as no two rows share a word, as many must be taken as the rows say:
 * then none was missed.
 */
static void every_opcode(void **state)
{
	static const uint32_t low[] = {0x000, 0x155, 0x2aa, 0x01f, 0x3ff};

	for (size_t pattern = 0; pattern < COUNT(low); pattern++) {
		uint32_t taken = 0, expected = 0;

		for (size_t i = 0; i < count; i++)
			if ((low[pattern] & rows[i].mask) == (rows[i].value & 0x3ff))
				expected += 1u << __builtin_popcount(~rows[i].mask >> 10);
		for (uint32_t high = 0; high < 1 << 22; high++) {
			uint32_t word = high << 10 | low[pattern];
			const struct sv_row *row = sv_classify(SV_A64, word);

			if (row && (word & row->mask) != row->value)
				fail_msg("%08x is not %s", word, sv_row_name(row));
			taken += !!row;
		}
		assert_int_equal(taken, expected);
	}
	assert_null(sv_classify(SV_A32, rows[0].value));
}

static void random_words_of_every_row(void **state)
{
	uint64_t seed = 1;

	for (size_t i = 0; i < count; i++) {
		unsigned undefined = 0;

		for (unsigned n = 0; n < 2000; n++) {
			uint32_t word = rows[i].value | ((uint32_t)random_next(&seed) & ~rows[i].mask);
			struct sv_insn insn;
			char text[SV_INSN_TEXT];
			size_t length;

			assert_ptr_equal(sv_classify(SV_A64, word), &rows[i]);
			if (sv_decode(SV_A64, word, &insn) == SV_NOT_MEMORY) {
				undefined++;
				continue;
			}
			assert_ptr_equal(insn.row, &rows[i]);
			assert_int_equal(insn.word, word);
			assert_true(insn.Rt < 32 && insn.Rt2 < 32 && insn.Rn < 32 && insn.Rm < 32 &&
				    insn.Rs < 32 && insn.amount < 5);
			assert_true(insn.esize && insn.lanes);
			assert_true(insn.count || rows[i].form >= SV_FORM_SVE);
			assert_true(insn.esize * insn.count <= SV_PLAN_BYTES || rows[i].refusal);
			assert_true(insn.lanes * insn.esize <= 16 || rows[i].form == SV_FORM_GENERAL ||
				    rows[i].form >= SV_FORM_SVE);
			assert_true((insn.index + 1) * insn.esize <= 16 || rows[i].form != SV_FORM_LANE);
			/* Structures fill whole registers, and a lane each. */
			if (rows[i].form >= SV_FORM_MULTIPLE && rows[i].form <= SV_FORM_REPLICATE)
				assert_int_equal(insn.count,
						 rows[i].registers *
							 (rows[i].form == SV_FORM_MULTIPLE ? insn.lanes : 1));
			/*
			 * No immediate reaches further than imm19's 1 MiB, and all that scale are multiples
			 * of their scale.
			 */
			assert_true(insn.imm >= -(1 << 20) && insn.imm < 1 << 20);
			if (insn.row->imm == SV_IMM_12 || insn.row->imm == SV_IMM_7)
				assert_int_equal(insn.imm % insn.esize, 0);
			length = sv_insn_format(&insn, random_next(&seed), text, sizeof(text));
			assert_true(length < sizeof(text) && length == strlen(text));
			assert_null(strpbrk(text, "<>"));
		}
		assert_true(undefined < 1000);
	}
}

static void text_is_cut_at_size(void **state)
{
	static const uint32_t words[] = {0xa9400801, 0xf8408401, 0x386a5949, 0xd8ffffe0 & ~(1u << 31)};

	for (size_t i = 0; i < COUNT(words); i++) {
		char whole[SV_INSN_TEXT], cut[SV_INSN_TEXT];
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
