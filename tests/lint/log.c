/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's log, as versions 7.2, 10.0 and 11.1 write it: what is an aborted access, what is not, and whose. */
#include "support/check.h"
#include "cli/lint.h"

#define WRITE_HOLE "Invalid write at addr 0xB000008, size 4, region '(null)', reason: rejected\n"
#define READ_HOLE  "Invalid read at addr 0xB000010, size 8, region '(null)', reason: rejected\n"
#define ABORT(esr, far, elr)                                                                 \
	"Taking exception 4 [Data Abort] on CPU 0\n...from EL1 to EL1\n...with ESR " esr     \
	"\n...with FAR " far "\n...with ELR " elr "\n...to EL1 PC 0x40080a00 PSTATE 0x3c5\n" \
	"Exception return from AArch64 EL1 to AArch64 EL1 PC 0x40080014\n"

struct expected {
	uint64_t pc, address, va;
	unsigned level;
	bool write, hole, has_pc, has_address;
	const char *name;
	uint64_t count;
};

#define HOLE_WRITE                                                                 \
	{                                                                          \
		0x40080010, 0xb000008, 0xb000008, 1, true, true, true, true, "", 1 \
	}

static const struct {
	const char *name, *text;
	unsigned count;
	struct expected expected[3];
} cases[] = {
	{"7.2", WRITE_HOLE ABORT("0x25/0x96000050", "0xb000008", "0x40080010"), 1, {HOLE_WRITE}},
	{"10.0",
	 WRITE_HOLE
	 "Taking exception 4 [Data Abort] on CPU 0\n...from EL1 to EL1\n...with ESR 0x25/0x96000050\n"
	 "...with FAR 0xb000008\n...with SPSR 0x400003c5\n...with ELR 0x40080010\n"
	 "...to EL1 PC 0x40080a00 PSTATE 0x3c5\n",
	 1,
	 {HOLE_WRITE}},
	{"twice",
	 WRITE_HOLE ABORT("0x25/0x96000050", "0xb000008", "0x40080010")
		 WRITE_HOLE ABORT("0x25/0x96000050", "0xb000008", "0x40080010"),
	 1,
	 {{0x40080010, 0xb000008, 0xb000008, 1, true, true, true, true, "", 2}}},
	{"virtual",
	 READ_HOLE ABORT("0x25/0x96000010", "0xffff800012345010", "0xffff800010081234"),
	 1,
	 {{0xffff800010081234, 0xb000010, 0xffff800012345010, 1, false, true, true, true, "", 1}}},
	{"user",
	 READ_HOLE
	 "Taking exception 4 [Data Abort] on CPU 1\n...from EL0 to EL1\n...with ESR 0x24/0x92000010\n"
	 "...with FAR 0x7010\n...with ELR 0x400100\n...to EL1 PC 0x40080c00 PSTATE 0x3c5\n",
	 1,
	 {{0x400100, 0xb000010, 0x7010, 0, false, true, true, true, "", 1}}},
	{"a device refused it",
	 "Invalid write at addr 0x104, size 8, region 'gic_dist', reason: invalid size (min:1 max:4)\n" ABORT(
		 "0x25/0x96000050", "0x8000104", "0x40080010"),
	 1,
	 {{0x40080010, 0x104, 0x8000104, 1, true, false, true, false, "gic_dist", 1}}},
	{"no reason is said",
	 ABORT("0x25/0x96000050", "0x8000104", "0x40080010"),
	 1,
	 {{0x40080010, 0, 0x8000104, 1, true, false, true, false, "", 1}}},
	/* Two regions share the page. */
	{"said twice",
	 "Invalid read at addr 0x40000210, size 4, region '(null)', reason: rejected\n"
	 "Invalid read at addr 0x210, size 4, region '(null)', reason: rejected\n" ABORT(
		 "0x25/0x96000010", "0x40000210", "0x80024"),
	 1,
	 {{0x80024, 0x40000210, 0x40000210, 1, false, true, true, true, "", 1}}},
	/* Another vCPU's access comes between; which is whose, the FAR says. */
	{"two vCPUs",
	 READ_HOLE WRITE_HOLE ABORT("0x25/0x96000010", "0xb000010", "0x40080020")
		 ABORT("0x25/0x96000050", "0xb000008", "0x40080010"),
	 2,
	 {{0x40080020, 0xb000010, 0xb000010, 1, false, true, true, true, "", 1}, HOLE_WRITE}},
	{"the board lets it pass", WRITE_HOLE, 1, {{0, 0xb000008, 0, 0, true, true, false, true, "", 1}}},
	{"a page fault", ABORT("0x25/0x96000047", "0xb000008", "0x40080010"), 0, {{0}}},
	{"a page fault between",
	 WRITE_HOLE ABORT("0x25/0x96000047", "0x1008", "0x40080030")
		 ABORT("0x25/0x96000050", "0xb000008", "0x40080010"),
	 1,
	 {HOLE_WRITE}},
	{"an instruction abort",
	 "Invalid read at addr 0xB000000, size 4, region '(null)', reason: rejected\n"
	 "Taking exception 3 [Prefetch Abort] on CPU 0\n...from EL1 to EL1\n...with ESR 0x21/0x86000010\n"
	 "...with FAR 0xb000000\n...with ELR 0xb000000\n...to EL1 PC 0x40080a00 PSTATE 0x3c5\n",
	 0,
	 {{0}}},
	{"interrupts and calls",
	 "Taking exception 5 [IRQ] on CPU 0\n...from EL1 to EL1\n...with ESR 0x25/0x96000050\n...with FAR 0x8\n"
	 "...with ELR 0x40080010\n...to EL1 PC 0x40080a80 PSTATE 0x3c5\n"
	 "Taking exception 11 [Hypervisor Call] on CPU 0\n...from EL1 to EL2\n...with ESR 0x16/0x5a000000\n"
	 "...handled as PSCI call\n",
	 0,
	 {{0}}},
	{"incomplete",
	 WRITE_HOLE "Taking exception 4 [Data Abort] on CPU 0\n...from EL1 to EL1\n...to EL1 PC 0x40080a00\n"
		    "pl011_read: Bad offset 0x100\n",
	 1,
	 {{0, 0xb000008, 0, 0, true, true, false, true, "", 1}}},
	{"a device refused it, and the board let it pass",
	 "Invalid write at addr 0x104, size 8, region 'gic_dist', reason: invalid size (min:1 max:4)\n",
	 0,
	 {{0}}},
	{"nothing", "", 0, {{0}}},
	{"other text",
	 "\n\n\nInvalid\nInvalid read at addr 0x\nInvalid write at addr 0xZZ, region 'x\n",
	 0,
	 {{0}}},
};

static void compare(const char *name, const struct lint_abort *is, const struct expected *wanted)
{
	check(name, is->has_pc == wanted->has_pc);
	check(name, is->pc == wanted->pc);
	check(name, is->va == wanted->va);
	check(name, is->level == wanted->level);
	check(name, is->write == wanted->write);
	check(name, is->hole == wanted->hole);
	check(name, is->has_address == wanted->has_address);
	check(name, is->address == wanted->address);
	check(name, !strcmp(is->name, wanted->name));
	check(name, is->count == wanted->count);
}

/* As it comes through a pipe: cut anywhere. */
static void feed(struct lint_log *log, const char *text, size_t step)
{
	size_t length = strlen(text);

	for (size_t at = 0; at < length; at += step)
		lint_log_feed(log, text + at, length - at < step ? length - at : step);
	lint_log_end(log);
}

static void table(void **state)
{
	static const size_t steps[] = {1, 7, 1 << 20};

	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t k = 0; k < COUNT(steps); k++) {
			struct lint_log log;

			assert_true(lint_log_init(&log, NULL));
			feed(&log, cases[i].text, steps[k]);
			check(cases[i].name, log.count == cases[i].count);
			for (size_t n = 0; n < log.count; n++)
				compare(cases[i].name, &log.list[n], &cases[i].expected[n]);
			lint_log_free(&log);
		}
	}
}

/* A guest that tries all there is. */
static void bounded(void **state)
{
	struct lint_log log;
	char text[512];

	assert_true(lint_log_init(&log, NULL));
	for (unsigned i = 0; i < LINT_ABORTS + 7; i++) {
		snprintf(text, sizeof(text), WRITE_HOLE ABORT("0x25/0x96000050", "0xb000008", "0x%x"), i * 4);
		lint_log_feed(&log, text, strlen(text));
	}
	lint_log_end(&log);
	assert_int_equal(log.count, LINT_ABORTS);
	assert_int_equal(log.dropped, 7);
	lint_log_free(&log);
}

/* Whatever a device's messages contain. */
static void hostile(void **state)
{
	static char text[8192];
	uint64_t seed = 11;

	for (unsigned n = 0; n < 3000; n++) {
		struct lint_log log;
		size_t length = 0;

		assert_true(lint_log_init(&log, NULL));
		while (length < 4096) {
			const char *one = cases[random_next(&seed) % COUNT(cases)].text;

			memcpy(text + length, one, strlen(one));
			length += strlen(one);
		}
		for (unsigned i = 0; i < n % 64; i++)
			text[random_next(&seed) % length] = (char)random_next(&seed);
		if (n % 16 == 0)
			memset(text + 100, 'x', 2000);
		lint_log_feed(&log, text, length);
		lint_log_end(&log);
		assert_true(log.count <= LINT_ABORTS);
		for (size_t i = 0; i < log.count; i++) {
			assert_true(memchr(log.list[i].name, 0, LINT_NAME));
			assert_true(log.list[i].level < 4);
		}
		lint_log_free(&log);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(bounded),
					   cmocka_unit_test(hostile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
