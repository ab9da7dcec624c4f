/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the plugin's accesses and the log's with a memory map, or without one. */
#include <sys/mman.h>

#include "support/check.h"
#include "cli/lint.h"

#define STORE_POST 0xb8004420 /* str w0, [x1], #4 */
#define LOAD_PAIR  0x29400801 /* ldp w1, w2, [x0] */
#define LOAD       0xb9400001 /* ldr w1, [x0] */

static const char map_text[] =
	"FlatView #0\n AS \"memory\", root: system\n"
	"  0000000009000000-0000000009000fff (prio 0, i/o): pl011\n"
	"  0000000009020000-0000000009020007 (prio 0, i/o): fwcfg.data @0000000000000010\n"
	"  0000000009020008-0000000009020fff (prio 0, ram): scratch\n";

struct fixture {
	struct lint_report *report;
	struct lint_log log;
	struct lint_map map;
	struct lint_code *code;
	struct lint_findings findings;
};

static struct fixture fixture;

static int setup(void **state)
{
	fixture = (struct fixture){0};
	fixture.report = mmap(NULL, sizeof(*fixture.report), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	fixture.code = lint_code_new();
	if (fixture.report == MAP_FAILED || !fixture.code || !lint_log_init(&fixture.log, fixture.report))
		return -1;
	lint_report_init(fixture.report);
	fixture.report->blocks = 1;
	return 0;
}

static int teardown(void **state)
{
	lint_findings_free(&fixture.findings);
	lint_code_free(fixture.code);
	lint_map_free(&fixture.map);
	lint_log_free(&fixture.log);
	return munmap(fixture.report, sizeof(*fixture.report));
}

static void access_by(uint64_t pc, uint32_t word, const char *name, uint64_t address)
{
	assert_true(lint_finding_add(fixture.report, lint_insn_add(fixture.report, pc, word), name, address,
				     true, 2));
}

static void abort_at(uint64_t pc, uint64_t far, const char *invalid)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"%sTaking exception 4 [Data Abort] on CPU 0\n...from EL1 to EL1\n...with ESR 0x25/0x96000010\n"
		"...with FAR 0x%llx\n...with ELR 0x%llx\n...to EL1 PC 0x0 PSTATE 0x3c5\n",
		invalid, (unsigned long long)far, (unsigned long long)pc);
	lint_log_feed(&fixture.log, text, strlen(text));
}

#define IN_HOLE  "Invalid read at addr 0x9001000, size 4, region '(null)', reason: rejected\n"
#define IN_OTHER "Invalid read at addr 0x20, size 8, region 'pl031', reason: invalid size (min:4 max:4)\n"

static const struct lint_found *make(void)
{
	lint_log_end(&fixture.log);
	assert_true(lint_findings_make(&fixture.findings, fixture.report, &fixture.log, &fixture.map,
				       fixture.code));
	return fixture.findings.list;
}

static void device(void **state)
{
	const struct lint_found *found;

	assert_true(lint_map_parse(map_text, &fixture.map));
	access_by(0x1000, STORE_POST, "pl011", 0x9000010);
	access_by(0x1000, STORE_POST, "pl011", 0x9000004);
	found = make();
	assert_int_equal(fixture.findings.count, 1);
	assert_int_equal(fixture.findings.undescribed, 1);
	assert_true(fixture.findings.watched);
	assert_int_equal(found->kind, LINT_DEVICE);
	assert_string_equal(found->device, "pl011");
	assert_string_equal(found->text, "str w0, [x1], #4");
	assert_string_equal(found->insn->name, "load/store with writeback");
	assert_true(found->has_offset);
	assert_int_equal(found->offset, 4);
	assert_int_equal(found->offset_last, 0x10);
	assert_int_equal(found->stores, 2);
	assert_int_equal(found->levels, 2);
}

/* QEMU has no name for a page that several share, and takes RAM in it for a device. */
static void shared_page(void **state)
{
	const struct lint_found *found;

	assert_true(lint_map_parse(map_text, &fixture.map));
	access_by(0x1000, LOAD_PAIR, "anon12345678", 0x9020000);
	access_by(0x2000, LOAD_PAIR, "anon12345678", 0x9020100);
	found = make();
	assert_int_equal(fixture.findings.count, 1);
	assert_int_equal(found->pc, 0x1000);
	assert_string_equal(found->device, "fwcfg.data");
	assert_int_equal(found->offset, 0x10);
}

static void hole(void **state)
{
	const struct lint_found *found;

	assert_true(lint_map_parse(map_text, &fixture.map));
	access_by(0x1000, LOAD_PAIR, "anon12345678", 0x9001008);
	found = make();
	assert_int_equal(found->kind, LINT_HOLE);
	assert_false(found->described);
	assert_string_equal(found->device, "");
	assert_string_equal(found->below->name, "pl011");
	assert_string_equal(found->above->name, "fwcfg.data");
}

static void aborts(void **state)
{
	const struct lint_found *found;

	assert_true(lint_map_parse(map_text, &fixture.map));
	lint_insn_add(fixture.report, 0x1000, LOAD);
	lint_insn_add(fixture.report, 0x2000, LOAD_PAIR);
	abort_at(0x1000, 0x9001000, IN_HOLE);  /* described: no reason to fail */
	abort_at(0x2000, 0x9001000, IN_HOLE);  /* not described */
	abort_at(0x2000, 0x9010020, IN_OTHER); /* nor this, and there is a device */
	abort_at(0x1000, 0x9010020, IN_OTHER); /* the device's own business */
	abort_at(0x3000, 0x9001000, IN_HOLE);  /* by we do not know what */
	found = make();
	assert_int_equal(fixture.findings.count, 4);
	assert_int_equal(fixture.findings.undescribed, 2);
	assert_int_equal(found[0].kind, LINT_HOLE);
	assert_int_equal(found[0].pc, 0x2000);
	assert_string_equal(found[0].below->name, "pl011");
	assert_int_equal(found[1].kind, LINT_REFUSED);
	assert_string_equal(found[1].device, "pl031");
	assert_int_equal(found[1].offset, 0x20);
	assert_true(found[2].described && found[2].has_word && found[2].pc == 0x1000);
	assert_true(found[3].described && !found[3].has_word && found[3].pc == 0x3000);
}

/* Where the board lets it pass, plugin and log tell of the same access. */
static void once(void **state)
{
	const struct lint_found *found;

	access_by(0x1000, LOAD_PAIR, "anon12345678", 0x9001000);
	access_by(0x1000, LOAD_PAIR, "anon12345678", 0x9001004);
	lint_log_feed(&fixture.log, IN_HOLE, strlen(IN_HOLE));
	lint_log_feed(&fixture.log, "Invalid write at addr 0xC000000, size 4, region '(null)'\n", 58);
	found = make();
	assert_int_equal(fixture.findings.count, 2);
	assert_int_equal(found[0].pc, 0x1000);
	assert_false(found[1].has_pc);
	assert_int_equal(found[1].address, 0xc000000);
	assert_int_equal(found[1].stores, 1);
	assert_int_equal(fixture.findings.undescribed, 1);
}

static void without_map(void **state)
{
	const struct lint_found *found;

	access_by(0x1000, LOAD_PAIR, "pl011", 0x9000000);
	access_by(0x1004, LOAD_PAIR, "anon12345678", 0x9000000);
	found = make();
	assert_int_equal(found[0].kind, LINT_DEVICE);
	assert_string_equal(found[0].device, "pl011");
	assert_false(found[0].has_offset);
	assert_string_equal(found[1].device, "");
}

static void nothing(void **state)
{
	fixture.report->blocks = 5;
	fixture.report->aarch32 = 5;
	fixture.report->dropped = 3;
	fixture.log.dropped = 4;
	make();
	assert_int_equal(fixture.findings.count, 0);
	assert_int_equal(fixture.findings.undescribed, 0);
	assert_false(fixture.findings.watched);
	assert_int_equal(fixture.findings.dropped, 7);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {CASE(device), CASE(shared_page), CASE(hole),   CASE(aborts),
					   CASE(once),   CASE(without_map), CASE(nothing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
