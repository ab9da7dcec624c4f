/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/except.h>
#include <salvage/regs.h>

#include "support/check.h"

#define ALL       (SV_EXCEPT_PAN | SV_EXCEPT_UAO | SV_EXCEPT_SSBS | SV_EXCEPT_MTE | SV_EXCEPT_NMI)
#define NZCV      UINT64_C(0xf0000000)
#define DIT       (UINT64_C(1) << 24)
#define TCO       (UINT64_C(1) << 25)
#define SSBS      (UINT64_C(1) << 12)
#define IL        (UINT64_C(1) << 20)
#define NMI       (UINT64_C(1) << 13)
#define SPAN      (UINT64_C(1) << 23)
#define DSSBS     (UINT64_C(1) << 44)
#define SPINTMASK (UINT64_C(1) << 62)

/* PSTATE before, SCTLR_EL1, features, PSTATE after: bit by bit. */
static const struct {
	const char *name;
	uint64_t before, sctlr;
	unsigned features;
	uint64_t after;
} states[] = {
	{"from EL0", 0x000, SPAN, 0, 0x3c5},
	{"from EL1t", 0x004, SPAN, 0, 0x3c5},
	{"from EL1h, masked", 0x3c5, SPAN, 0, 0x3c5},
	{"flags and DIT stay", NZCV | DIT, SPAN, ALL & ~(SV_EXCEPT_MTE | SV_EXCEPT_NMI), NZCV | DIT | 0x3c5},
	{"SS, IL and BTYPE are cleared", SV_PSTATE_SS | IL | SV_PSTATE_BTYPE, SPAN, 0, 0x3c5},
	{"PAN is set without SPAN", 0, 0, SV_EXCEPT_PAN, SV_PSTATE_PAN | 0x3c5},
	{"PAN stays set with SPAN", SV_PSTATE_PAN, SPAN, SV_EXCEPT_PAN, SV_PSTATE_PAN | 0x3c5},
	{"PAN stays clear with SPAN", 0, SPAN, SV_EXCEPT_PAN, 0x3c5},
	{"no PAN, none set", 0, 0, 0, 0x3c5},
	{"UAO is cleared", SV_PSTATE_UAO, SPAN, SV_EXCEPT_UAO, 0x3c5},
	{"SSBS comes from DSSBS: 1", 0, SPAN | DSSBS, SV_EXCEPT_SSBS, SSBS | 0x3c5},
	{"SSBS comes from DSSBS: 0", SSBS, SPAN, SV_EXCEPT_SSBS, 0x3c5},
	{"TCO is set", 0, SPAN, SV_EXCEPT_MTE, TCO | 0x3c5},
	{"ALLINT is set without SPINTMASK", 0, SPAN, SV_EXCEPT_NMI, NMI | 0x3c5},
	{"ALLINT is cleared with SPINTMASK", NMI, SPAN | SPINTMASK, SV_EXCEPT_NMI, 0x3c5},
};

static void pstate(void **state)
{
	for (size_t i = 0; i < COUNT(states); i++) {
		struct sv_entry entry = {.sctlr_el1 = states[i].sctlr,
					 .pc = 0x1234,
					 .pstate = states[i].before};

		check(states[i].name,
		      sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, states[i].features) == SV_OK);
		if (entry.pstate != states[i].after)
			fail_msg("%s: %llx", states[i].name, (unsigned long long)entry.pstate);
		check(states[i].name, entry.spsr_el1 == states[i].before);
		check(states[i].name, entry.elr_el1 == 0x1234);
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

	for (size_t i = 0; i < COUNT(modes); i++) {
		struct sv_entry entry = {.pc = 1, .pstate = modes[i]}, before = entry;

		assert_int_equal(sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, ALL), SV_UNSUPPORTED);
		assert_memory_equal(&entry, &before, sizeof(before));
	}
}

static void syndromes(void **state)
{
	assert_int_equal(sv_esr_data_abort(0x3c5, SV_FSC_EXTERNAL, false), 0x96000010);
	assert_int_equal(sv_esr_data_abort(0x3c0, SV_FSC_EXTERNAL, false), 0x92000010);
	assert_int_equal(sv_esr_data_abort(0x3c5, SV_FSC_UNSUPPORTED_ATOMIC, true), 0x96000075);
	assert_int_equal(sv_esr_data_abort(0x3c4, SV_FSC_ALIGNMENT, false), 0x96000021);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pstate),
		cmocka_unit_test(vectors),
		cmocka_unit_test(refuses),
		cmocka_unit_test(syndromes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
