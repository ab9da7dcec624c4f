/* SPDX-License-Identifier: BSD-2-Clause */
/* PSTATE and the vector at exception entry: by a table of cases, and by a second reading of the rules. */
#include <salvage/except.h>
#include <salvage/regs.h>

#include "support/check.h"

#define ALL       (SV_EXCEPT_PAN | SV_EXCEPT_SSBS | SV_EXCEPT_MTE | SV_EXCEPT_NMI | SV_EXCEPT_GCS | SV_EXCEPT_EBEP)
#define NZCV      UINT64_C(0xf0000000)
#define DIT       (UINT64_C(1) << 24)
#define TCO       (UINT64_C(1) << 25)
#define SSBS      (UINT64_C(1) << 12)
#define IL        (UINT64_C(1) << 20)
#define ALLINT    (UINT64_C(1) << 13)
#define PM        (UINT64_C(1) << 32)
#define PPEND     (UINT64_C(1) << 33)
#define EXLOCK    (UINT64_C(1) << 34)
#define PACM      (UINT64_C(1) << 35)
#define UINJ      (UINT64_C(1) << 36)
#define SPAN      (UINT64_C(1) << 23)
#define DSSBS     (UINT64_C(1) << 44)
#define SPINTMASK (UINT64_C(1) << 62)
#define EXLOCKEN  (UINT64_C(1) << 6)

/* PSTATE before, SCTLR_EL1, features, PSTATE after, GCSCR_EL1: bit by bit. */
static const struct {
	const char *name;
	uint64_t before, sctlr;
	unsigned features;
	uint64_t after, gcscr;
} states[] = {
	{"from EL0", 0x000, SPAN, 0, 0x3c5},
	{"from EL1t", 0x004, SPAN, 0, 0x3c5},
	{"from EL1h, masked", 0x3c5, SPAN, 0, 0x3c5},
	{"each of DAIF is set", 0x045, SPAN, 0, 0x3c5},
	{"flags and DIT stay", NZCV | DIT, SPAN, SV_EXCEPT_PAN | SV_EXCEPT_SSBS, NZCV | DIT | 0x3c5},
	{"SS, IL and BTYPE are cleared", SV_PSTATE_SS | IL | SV_PSTATE_BTYPE, SPAN, 0, 0x3c5},
	{"PAN is set without SPAN", 0, 0, SV_EXCEPT_PAN, SV_PSTATE_PAN | 0x3c5},
	{"PAN stays set without SPAN", SV_PSTATE_PAN, 0, SV_EXCEPT_PAN, SV_PSTATE_PAN | 0x3c5},
	{"PAN stays set with SPAN", SV_PSTATE_PAN, SPAN, SV_EXCEPT_PAN, SV_PSTATE_PAN | 0x3c5},
	{"PAN stays clear with SPAN", 0, SPAN, SV_EXCEPT_PAN, 0x3c5},
	{"no PAN, none set", 0, 0, 0, 0x3c5},
	{"UAO is cleared", SV_PSTATE_UAO, SPAN, 0, 0x3c5},
	{"SSBS comes from DSSBS: 1", 0, SPAN | DSSBS, SV_EXCEPT_SSBS, SSBS | 0x3c5},
	{"SSBS comes from DSSBS: 0", SSBS, SPAN, SV_EXCEPT_SSBS, 0x3c5},
	{"no SSBS, none set", 0, SPAN | DSSBS, 0, 0x3c5},
	{"TCO is set", 0, SPAN, SV_EXCEPT_MTE, TCO | 0x3c5},
	{"no MTE, TCO stays clear", 0, SPAN, 0, 0x3c5},
	{"ALLINT is set without SPINTMASK", 0, SPAN, SV_EXCEPT_NMI, ALLINT | 0x3c5},
	{"ALLINT is cleared with SPINTMASK", ALLINT, SPAN | SPINTMASK, SV_EXCEPT_NMI, 0x3c5},
	{"no NMI, no ALLINT", 0, SPAN, 0, 0x3c5},
	{"PM is set", 0, SPAN, SV_EXCEPT_EBEP, PM | 0x3c5},
	{"no EBEP, no PM", 0, SPAN, 0, 0x3c5},
	{"PPEND, PACM and UINJ are cleared", PPEND | PACM | UINJ, SPAN, 0, 0x3c5},
	{"EXLOCK comes from EXLOCKEN within EL1: 1", 5, SPAN, SV_EXCEPT_GCS, EXLOCK | 0x3c5, EXLOCKEN},
	{"EXLOCK comes from EXLOCKEN within EL1: 0", 5 | EXLOCK, SPAN, SV_EXCEPT_GCS, 0x3c5, ~EXLOCKEN},
	{"EXLOCK from EL1t", 4, SPAN, SV_EXCEPT_GCS, EXLOCK | 0x3c5, EXLOCKEN},
	{"EXLOCK is cleared from EL0", EXLOCK, SPAN, SV_EXCEPT_GCS, 0x3c5, EXLOCKEN},
	{"no GCS, no EXLOCK", 5, SPAN, 0, 0x3c5, EXLOCKEN},
	{"a bit of the future stays", UINT64_C(1) << 40, SPAN, ALL & ~SV_EXCEPT_GCS,
	 UINT64_C(1) << 40 | PM | TCO | ALLINT | 0x3c5},
};

static void pstate(void **state)
{
	for (size_t i = 0; i < COUNT(states); i++) {
		struct sv_entry entry = {.sctlr_el1 = states[i].sctlr,
					 .gcscr_el1 = states[i].gcscr,
					 .pc = 0x1234,
					 .pstate = states[i].before,
					 .esr_el1 = 0x11,
					 .far_el1 = 0x22};

		check(states[i].name,
		      sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, states[i].features) == SV_OK);
		if (entry.pstate != states[i].after)
			fail_msg("%s: %llx", states[i].name, (unsigned long long)entry.pstate);
		check(states[i].name, entry.spsr_el1 == states[i].before);
		check(states[i].name, entry.elr_el1 == 0x1234);
		check(states[i].name, entry.esr_el1 == 0x11 && entry.far_el1 == 0x22);
	}
}

/*
 * The rules once more, in the order and the words of AArch64.TakeException, one PSTATE field after the other.
 */
static uint64_t as_written(uint64_t before, uint64_t sctlr, uint64_t gcscr, unsigned features)
{
	uint64_t after = before;
	uint64_t el = before >> 2 & 3;

	if (el == 1)
		after = features & SV_EXCEPT_GCS && gcscr & EXLOCKEN ? after | EXLOCK : after & ~EXLOCK;
	else
		after &= ~EXLOCK;
	after = (after & ~UINT64_C(0x1f)) | 5; /* EL = EL1, nRW = 0, SP = 1 */
	after &= ~SV_PSTATE_SS;
	if (features & SV_EXCEPT_NMI && !(sctlr & SPINTMASK))
		after |= ALLINT;
	else
		after &= ~ALLINT;
	after |= 0x3c0;
	after &= ~IL;
	if (features & SV_EXCEPT_PAN && !(sctlr & SPAN))
		after |= SV_PSTATE_PAN;
	after &= ~SV_PSTATE_UAO;
	after &= ~SV_PSTATE_BTYPE;
	if (features & SV_EXCEPT_SSBS && sctlr & DSSBS)
		after |= SSBS;
	else
		after &= ~SSBS;
	if (features & SV_EXCEPT_MTE)
		after |= TCO;
	after &= ~PACM;
	if (features & SV_EXCEPT_EBEP)
		after |= PM;
	after &= ~(PPEND | UINJ);
	return after;
}

/* Every combination of features, with random states from each level and random control registers. */
static void property(void **state)
{
	static const uint64_t modes[] = {0x0, 0x4, 0x5};
	uint64_t seed = 0x5a17a6e;

	for (unsigned features = 0; features < 1u << 8; features++)
		for (unsigned i = 0; i < 300; i++) {
			uint64_t sctlr = random_next(&seed), gcscr = random_next(&seed);
			uint64_t before = (random_next(&seed) & UINT64_C(0x1ffffffffe0)) | modes[i % 3];
			struct sv_entry entry = {.sctlr_el1 = sctlr,
						 .sctlr2_el1 = random_next(&seed),
						 .gcscr_el1 = gcscr,
						 .pstate = before};

			assert_int_equal(sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, features), SV_OK);
			if (entry.pstate != as_written(before, sctlr, gcscr, features))
				fail_msg("features %x, %llx -> %llx", features, (unsigned long long)before,
					 (unsigned long long)entry.pstate);
		}
}

static void vectors(void **state)
{
	static const struct {
		uint64_t pstate;
		enum sv_vector vector;
		uint64_t offset;
	} cases[] = {
		{0x004, SV_VECTOR_SYNCHRONOUS, 0x000}, {0x004, SV_VECTOR_SERROR, 0x180},
		{0x005, SV_VECTOR_SYNCHRONOUS, 0x200}, {0x005, SV_VECTOR_IRQ, 0x280},
		{0x005, SV_VECTOR_FIQ, 0x300},         {0x005, SV_VECTOR_SERROR, 0x380},
		{0x000, SV_VECTOR_SYNCHRONOUS, 0x400}, {0x000, SV_VECTOR_SERROR, 0x580},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_entry entry = {.vbar_el1 = 0xffff800010000fff, .pstate = cases[i].pstate};

		assert_int_equal(sv_exception_enter(&entry, cases[i].vector, 0), SV_OK);
		assert_int_equal(entry.pc, 0xffff800010000800 + cases[i].offset);
	}
}

static void refuses(void **state)
{
	static const uint64_t modes[] = {0x010, 0x1d3, 0x008, 0x009, 0x00c, 0x00d};
	struct sv_injection injection = {.fsc = SV_FSC_EXTERNAL};

	for (size_t i = 0; i < COUNT(modes); i++) {
		struct sv_entry entry = {.pc = 1, .pstate = modes[i]}, before = entry;

		assert_int_equal(sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, ALL), SV_UNSUPPORTED);
		assert_memory_equal(&entry, &before, sizeof(before));
		assert_int_equal(sv_exception_take(&entry, &injection, ALL), SV_UNSUPPORTED);
		assert_memory_equal(&entry, &before, sizeof(before));
	}
}

static void serror_mask(void **state)
{
	static const struct {
		uint64_t pstate, sctlr2;
		unsigned features;
		bool masked;
	} cases[] = {
		{0x005, 0, 0, false},
		{0x000, 0, 0, false},
		{0x2c5, 0, ALL, false}, /* D, I and F do not mask it */
		{0x105, 0, ALL, true},
		{0x100, 0, 0, true},
		{0x105, 1 << 2, SV_EXCEPT_DF2, false},     /* NMEA */
		{0x105, 1 << 2, ALL, true},                /* there is no NMEA */
		{0x105, ~(1ull << 2), SV_EXCEPT_DF2, true} /* EASE and all others */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_entry entry = {.pstate = cases[i].pstate, .sctlr2_el1 = cases[i].sctlr2};

		assert_int_equal(sv_serror_masked(&entry, cases[i].features), cases[i].masked);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pstate),  cmocka_unit_test(property),    cmocka_unit_test(vectors),
		cmocka_unit_test(refuses), cmocka_unit_test(serror_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
