/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables that the plugin fills: what is one finding and what is two, and that nothing overflows. */
#include <stdlib.h>
#include <sys/mman.h>

#include "support/check.h"
#include "report.h"

static int setup(void **state)
{
	*state = mmap(NULL, sizeof(struct lint_report), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*state == MAP_FAILED)
		return -1;
	lint_report_init(*state);
	return 0;
}

static int teardown(void **state)
{
	return munmap(*state, sizeof(struct lint_report));
}

static void magic(void **state)
{
	struct lint_report *report = *state;

	assert_int_equal(report->magic, LINT_MAGIC);
	assert_int_equal(report->state, LINT_WAITING);
}

static void accesses(void **state)
{
	static const struct {
		uint64_t pc;
		uint32_t word;
		const char *name;
		uint64_t address;
		bool store;
		uint32_t levels;
		unsigned finding; /* that it is counted in */
	} cases[] = {
		{0x1000, 0xb8004401, "uart", 0x9000008, true, 2, 0},
		{0x1000, 0xb8004401, "uart", 0x9000004, true, 1, 0},  /* same place: levels and range grow */
		{0x1000, 0xb8004401, "uart", 0x9000010, false, 0, 0}, /* a load is counted apart */
		{0x1000, 0xb8004401, "gpio", 0x9030000, true, 2, 1},  /* another region */
		{0x1000, 0xb8404401, "uart", 0x9000000, false, 2, 2}, /* the code changed */
		{0x1004, 0xb8004401, "uart", 0x9000000, true, 2, 3},  /* another instruction */
		{UINT64_MAX, UINT32_MAX, "uart", UINT64_MAX, true, 8, 4},
		{0, 0, "", 0, false, 0, 5},
	};
	struct lint_report *report = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct lint_insn *insn = lint_insn_add(report, cases[i].pc, cases[i].word);
		const struct lint_finding *finding;

		assert_non_null(insn);
		assert_true(lint_finding_add(report, insn, cases[i].name, cases[i].address, cases[i].store,
					     cases[i].levels));
		assert_true(cases[i].finding < report->finding_count);
		finding = &report->findings[cases[i].finding];
		assert_int_equal(finding->pc, cases[i].pc);
		assert_int_equal(finding->word, cases[i].word);
		assert_string_equal(report->names[finding->region], cases[i].name);
	}
	assert_int_equal(report->finding_count, 6);
	assert_int_equal(report->region_count, 3);
	assert_int_equal(report->findings[0].first, 0x9000004);
	assert_int_equal(report->findings[0].last, 0x9000010);
	assert_int_equal(report->findings[0].stores, 2);
	assert_int_equal(report->findings[0].loads, 1);
	assert_int_equal(report->findings[0].levels, 3);
	assert_int_equal(report->findings[1].stores, 1);
	assert_int_equal(report->dropped, 0);
}

/* Names come from QEMU, and a guest's author may have given them. */
static void names(void **state)
{
	struct lint_report *report = *state;
	const struct lint_insn *insn = lint_insn_add(report, 4, 4);
	char longest[4 * LINT_NAME];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_true(lint_finding_add(report, insn, longest, 0, true, 0));
	assert_int_equal(strlen(report->names[0]), LINT_NAME - 1);
	/* What is cut to the same is the same. */
	longest[LINT_NAME] = 'y';
	assert_true(lint_finding_add(report, insn, longest, 0, true, 0));
	assert_int_equal(report->region_count, 1);
	assert_true(lint_finding_add(report, insn, "a\033[31m\n\xc3\xa9", 0, true, 0));
	assert_string_equal(report->names[1], "a?[31m???");
}

static void full_regions(void **state)
{
	struct lint_report *report = *state;
	const struct lint_insn *insn = lint_insn_add(report, 4, 4);
	char name[16];

	for (unsigned i = 0; i < LINT_REGIONS + 10; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		assert_int_equal(lint_finding_add(report, insn, name, i, true, 0), i < LINT_REGIONS);
	}
	assert_int_equal(report->dropped, 10);
	/* Those that are known are counted on. */
	assert_true(lint_finding_add(report, insn, "r7", 0, true, 0));
	assert_int_equal(report->findings[7].stores, 2);
}

static void full_findings(void **state)
{
	struct lint_report *report = *state;

	for (unsigned i = 0; i < LINT_FINDINGS + 5; i++) {
		const struct lint_insn *insn = lint_insn_add(report, 4 * i, i);

		assert_int_equal(lint_finding_add(report, insn, "r", i, false, 0), i < LINT_FINDINGS);
	}
	assert_int_equal(report->finding_count, LINT_FINDINGS);
	assert_int_equal(report->dropped, 5);
	for (unsigned i = 0; i < LINT_FINDINGS; i++)
		assert_true(lint_finding_add(report, lint_insn_add(report, 4 * i, i), "r", i, false, 0));
	for (unsigned i = 0; i < LINT_FINDINGS; i++)
		assert_int_equal(report->findings[i].loads, 2);
}

static void instructions(void **state)
{
	struct lint_report *report = *state;
	const struct lint_insn *one = lint_insn_add(report, 0x40080000, 1);
	uint32_t word = 0;

	assert_ptr_equal(lint_insn_add(report, 0x40080000, 1), one);
	assert_true(lint_insn_find(report, 0x40080000, &word));
	assert_int_equal(word, 1);
	/* The latest translation is what ran last. */
	assert_ptr_not_equal(lint_insn_add(report, 0x40080000, 2), one);
	assert_true(lint_insn_find(report, 0x40080000, &word));
	assert_int_equal(word, 2);
	assert_int_equal(one->word, 1);
	assert_false(lint_insn_find(report, 0x40080004, &word));
	lint_insn_forget(report);
	assert_false(lint_insn_find(report, 0x40080000, &word));
	assert_non_null(lint_insn_add(report, 8, 8));
}

/* A guest that writes new code without end. */
static void full_instructions(void **state)
{
	struct lint_report *report = *state;
	uint32_t word;

	report->insn_count = LINT_INSNS - 2;
	assert_non_null(lint_insn_add(report, 0, 0));
	assert_non_null(lint_insn_add(report, 4, 0));
	assert_null(lint_insn_add(report, 8, 0));
	assert_null(lint_insn_add(report, 12, 0));
	assert_int_equal(report->unwatched, 2);
	assert_non_null(lint_insn_add(report, 4, 0));
	assert_false(lint_insn_find(report, 8, &word));
	lint_insn_forget(report);
	assert_non_null(lint_insn_add(report, 8, 0));
}

/* The other side is another process: whatever it has written, a search ends. */
static void nonsense(void **state)
{
	struct lint_report *report = *state;
	uint32_t word;

	lint_insn_add(report, 4, 0);
	report->insns[0].next = 1;
	assert_true(lint_insn_find(report, 4, &word));
	report->insns[0].pc = 8;
	assert_false(lint_insn_find(report, 4, &word));
	report->insns[0].next = UINT32_MAX;
	assert_false(lint_insn_find(report, 4, &word));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {CASE(magic),
					   CASE(accesses),
					   CASE(names),
					   CASE(full_regions),
					   CASE(full_findings),
					   CASE(instructions),
					   CASE(full_instructions),
					   CASE(nonsense)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
