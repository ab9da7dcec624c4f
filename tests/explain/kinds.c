/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kinds that explain tells instructions apart by: held against the decoder's rows, and against words it
 * has no rows for.
 */
#include <salvage/insn.h>

#include "cli/explain.h"
#include "support/check.h"

/* Words as an assembler makes them. described: the CPU reports ISV=1. */
static const struct {
	uint32_t word;
	const char *kind;
	bool described;
} cases[] = {
	{0xc85f7c20, "load/store exclusive", false},                          /* ldxr x0, [x1] */
	{0x88017c62, "load/store exclusive", false},                          /* stxr w1, w2, [x3] */
	{0xc87f0440, "load/store exclusive", false},                          /* ldxp x0, x1, [x2] */
	{0xc8a07c41, "compare and swap", false},                              /* cas x0, x1, [x2] */
	{0x48207c82, "compare and swap pair", false},                         /* casp x0, x1, x2, x3, [x4] */
	{0xb8200041, "atomic memory operation", false},                       /* ldadd w0, w1, [x2] */
	{0xf8208041, "atomic memory operation", false},                       /* swp x0, x1, [x2] */
	{0xf83fd020, "64-byte load", false},                                  /* ld64b x0, [x1] */
	{0xf83f9020, "64-byte store", false},                                 /* st64b x0, [x1] */
	{0xf822b020, "64-byte store with status", false},                     /* st64bv x2, x0, [x1] */
	{0xf822a020, "64-byte store with status", false},                     /* st64bv0 x2, x0, [x1] */
	{0xf8bfc020, "load-acquire RCpc", true},                              /* ldapr x0, [x1] */
	{0xf8200420, "load with pointer authentication", true},               /* ldraa x0, [x1] */
	{0xf8200c20, "load with pointer authentication, pre-indexed", false}, /* ldraa x0, [x1]! */
	{0x4c9f7800, "SIMD structure load/store", false},                     /* st1 { v0.4s }, [x0], #16 */
	{0x0d408020, "SIMD structure load/store", false},                     /* ld1 { v0.s }[0], [x1] */
	{0xad000440, "SIMD&FP load/store pair", false},                       /* stp q0, q1, [x2] */
	{0x3dc00020, "SIMD&FP load/store", false},                            /* ldr q0, [x1] */
	{0x3c810420, "SIMD&FP load/store", false},                            /* str q0, [x1], #16 */
	{0x19010440, "memory copy or set instruction", false},                /* cpyfp [x0]!, [x1]!, x2! */
	{0x19c10440, "memory copy or set instruction", false},                /* setp [x0]!, x2!, x1 */
	{0x1d010440, "memory copy or set instruction", false},                /* cpyp [x0]!, [x1]!, x2! */
	{0xd9200820, "memory tag load or store", false},                      /* stg x0, [x1] */
	{0xa5404020, "SVE load/store", false}, /* ld1w { z0.s }, p0/z, [x1, x0, lsl #2] */
	{0xd50b7420, "DC ZVA", false},
	{0xd50b7a20, "cache maintenance or address translation instruction", false}, /* dc cvac, x0 */
	{0xd5087620, "cache maintenance or address translation instruction", false}, /* dc ivac, x0 */
	{0xb9000001, "load/store of one register", true},
	{0xb8004409, "load/store with writeback", false},
	{0xd503201f, NULL, true}, /* nop */
	{0xd65f03c0, NULL, true}, /* ret */
	{0x8b020020, NULL, true}, /* add x0, x1, x2 */
	{0, NULL, true},
	{0xffffffff, NULL, true},
};

static void words(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct insn_kind *kind = explain_insn_kind(cases[i].word);

		if ((!kind->name != !cases[i].kind) || (kind->name && strcmp(kind->name, cases[i].kind)))
			fail_msg("%08x: \"%s\"", cases[i].word, kind->name ? kind->name : "none");
		assert_int_equal(!*kind->why, cases[i].described);
	}
}

/* The rows are the truth about ISV; every word of a row must be of a kind that agrees. */
static void rows(void **state)
{
	uint64_t seed = 2;
	size_t count;
	const struct sv_row *row = sv_rows(SV_A64, &count);

	assert_true(count > 50);
	for (size_t i = 0; i < count; i++, row++) {
		for (unsigned n = 0; n < 1000; n++) {
			uint32_t word = row->value | ((uint32_t)random_next(&seed) & ~row->mask);
			const struct insn_kind *kind = explain_insn_kind(word);

			/* 64 bytes are described, and left to the VMM all the same. */
			bool kvm = row->flags & SV_ROW_ISV && row->iclass != SV_CLASS_LDST64B;

			if (!kind->name || !*kind->why != kvm)
				fail_msg("%s %08x: \"%s\"", sv_row_name(row), word,
					 kind->name ? kind->name : "none");
		}
	}
}

/* What the CPU does not describe has a remedy; what it does has none. */
static void remedies(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct insn_kind *kind = explain_insn_kind(cases[i].word);

		assert_int_equal(!explain_remedy(kind->remedy, 0), cases[i].described);
		assert_int_equal(!*kind->source, cases[i].described);
	}
	assert_null(explain_remedy(REMEDY_RAM, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(rows),
		cmocka_unit_test(remedies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
