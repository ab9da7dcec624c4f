/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance suite's own parts: where its regions lie, what the channel makes of a guest's accesses,
 * which transcripts a case allows, result files and their comparison.
 */
#include <stdlib.h>
#include <unistd.h>

#include <suite.h>

#include "support/check.h"

static const char *const no_lines[] = {NULL};

/* Regions. */

static bool apart(const struct conform_region *a, const struct conform_region *b)
{
	return a->first + a->size <= b->first || b->first + b->size <= a->first;
}

static void regions_are_apart(void **state)
{
	struct conform_region regions[REGIONS] = {0};

	assert_true(conform_place(regions, 0xffffffff));
	for (unsigned i = 0; i < REGIONS; i++) {
		assert_true(regions[i].size);
		assert_int_equal(regions[i].first % 0x10000, 0);
		assert_true(regions[i].first + regions[i].size - 1 <= 0xffffffff);
		for (unsigned j = 0; j < i; j++)
			assert_true(apart(&regions[i], &regions[j]));
	}
	assert_int_equal(regions[REGION_EXTRA].first + regions[REGION_EXTRA].size,
			 regions[REGION_BEYOND].first);
	/* No room at all, and none for the last of them. */
	assert_false(conform_place(regions, 0x3fffffff));
	assert_false(conform_place(regions, CONFORM_RAM));
}

/* The channel. */

struct machine {
	struct conform conform;
	uint8_t ram[0x1000];
};

static void begin(struct machine *machine)
{
	*machine = (struct machine){0};
	machine->conform.regions[REGION_RAM] =
		(struct conform_region){CONFORM_RAM, sizeof(machine->ram), machine->ram};
	machine->conform.regions[REGION_HOLE] = (struct conform_region){0x1000000, 0x1000, NULL};
	machine->conform.parameter[PARAMETER_VALUE] = 0x1122334455667788;
}

static uint64_t put(struct machine *machine, size_t at, const char *text)
{
	memcpy(machine->ram + at, text, strlen(text) + 1);
	return CONFORM_RAM + at;
}

static enum conform_told tell(struct machine *machine, uint64_t offset, uint64_t value,
			      char text[CONFORM_TEXT])
{
	uint8_t data[8];

	memcpy(data, &value, sizeof(value));
	return conform_channel(&machine->conform, offset, 8, true, data, text);
}

static void channel_prints(void **state)
{
	static const struct {
		const char *format;
		uint64_t values[3];
		const char *line;
	} cases[] = {
		{"nothing", {0}, "nothing"},
		{"%x and %d", {0xfe, UINT64_MAX}, "0xfe and -1"},
		{"%p %p %p", {0x1000008, 0x1000000 + CONFORM_ALIAS, 0x5}, "hole+0x8 alias:hole 0x5"},
		{"%p", {CONFORM_WALKED + 0x10}, "walked+0x10"},
		{"%p", {CONFORM_RAM + 0x20}, "ram+0x20"},
		{"<%s>", {CONFORM_RAM + 0x800}, "<string>"},
		{"", {0}, ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct machine machine;
		char text[CONFORM_TEXT];

		begin(&machine);
		put(&machine, 0x800, "string");
		for (unsigned n = 0; n < 3; n++)
			assert_int_equal(tell(&machine, CHANNEL_ARGUMENT + 8 * n, cases[i].values[n], text),
					 TOLD_NOTHING);
		assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0x100, cases[i].format), text),
				 TOLD_NOTHING);
		assert_string_equal(text, cases[i].line);
	}
}

/* A guest gone wild: what it writes is no address, no string, no format. */
static void channel_distrusts(void **state)
{
	struct machine machine;
	char text[CONFORM_TEXT];
	uint8_t data[8] = {0};

	begin(&machine);
	memset(machine.ram, 'a', sizeof(machine.ram));
	assert_int_equal(tell(&machine, CHANNEL_PRINT, CONFORM_RAM, text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, CONFORM_RAM + sizeof(machine.ram) - 1, text),
			 TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, CONFORM_RAM - 1, text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, CONFORM_RAM + sizeof(machine.ram), text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, UINT64_MAX, text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0, "%q"), text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0, "%"), text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0, "%s"), text), TOLD_FAILED);
	assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0, "%x%x%x%x%x%x%x%x%x"), text),
			 TOLD_FAILED);
	assert_int_equal(tell(&machine, 0xff8, 0, text), TOLD_FAILED);
	assert_int_equal(conform_channel(&machine.conform, CHANNEL_PRINT, 4, true, data, text), TOLD_FAILED);
	assert_int_equal(conform_channel(&machine.conform, CHANNEL_PRINT + 4, 8, true, data, text),
			 TOLD_FAILED);
	assert_int_equal(conform_channel(&machine.conform, CHANNEL_PRINT, 8, false, data, text), TOLD_FAILED);
	assert_int_equal(conform_channel(&machine.conform, CHANNEL_PARAMETER + 8 * CHANNEL_PARAMETERS, 8,
					 false, data, text),
			 TOLD_FAILED);
}

/* A line as long as can be is cut, not overrun. */
static void channel_cuts(void **state)
{
	char format[3 * CHANNEL_ARGUMENTS + 1] = "", text[CONFORM_TEXT];
	struct machine machine;

	begin(&machine);
	memset(machine.ram + 0x200, 'b', CONFORM_TEXT - 1);
	for (unsigned i = 0; i < CHANNEL_ARGUMENTS; i++) {
		tell(&machine, CHANNEL_ARGUMENT + 8 * i, CONFORM_RAM + 0x200, text);
		strcat(format, "%s");
	}
	assert_int_equal(tell(&machine, CHANNEL_PRINT, put(&machine, 0, format), text), TOLD_NOTHING);
	assert_int_equal(strlen(text), CONFORM_TEXT - 1);
}

static void channel_tells(void **state)
{
	struct machine machine;
	char text[CONFORM_TEXT];
	uint8_t data[8];

	begin(&machine);
	assert_int_equal(tell(&machine, CHANNEL_SYNC, 5, text), TOLD_SYNC);
	assert_int_equal(machine.conform.sync, 5);
	assert_int_equal(tell(&machine, CHANNEL_DONE, 0, text), TOLD_DONE);
	assert_int_equal(tell(&machine, CHANNEL_SKIP, put(&machine, 0, "why"), text), TOLD_SKIP);
	assert_string_equal(text, "why");
	tell(&machine, CHANNEL_ARGUMENT, 2, text);
	tell(&machine, CHANNEL_ARGUMENT + 8, 2, text);
	assert_int_equal(tell(&machine, CHANNEL_ASSERT, put(&machine, 0, "1 + 1"), text), TOLD_NOTHING);
	tell(&machine, CHANNEL_ARGUMENT + 8, 3, text);
	tell(&machine, CHANNEL_ARGUMENT + 16, 77, text);
	assert_int_equal(tell(&machine, CHANNEL_ASSERT, put(&machine, 0, "1 + 1"), text), TOLD_FAILED);
	assert_string_equal(text, "line 77 of the guest: 1 + 1 is 0x2, not 0x3");
	assert_int_equal(conform_channel(&machine.conform, CHANNEL_PARAMETER + 8 * PARAMETER_VALUE, 8, false,
					 data, text),
			 TOLD_NOTHING);
	assert_memory_equal(data, &machine.conform.parameter[PARAMETER_VALUE], 8);
	tell(&machine, CHANNEL_MARK, CONFORM_RAM + 0x100, text);
	tell(&machine, CHANNEL_ARGUMENT, CONFORM_RAM + 0x104, text);
	tell(&machine, CHANNEL_PRINT, put(&machine, 0, "%p"), text);
	assert_string_equal(text, "insn+0x4");
}

/* What a case allows. lines end with a NULL. */

static const struct {
	const char *expected;
	const char *lines[6];
	const char *before, *after; /* "FAMILY=MEMBER", of one; NULL: none */
	bool good;
	size_t line; /* where it is not */
} transcripts[] = {
	{"", {NULL}, NULL, NULL, true, 0},
	{"a\nb\n", {"a", "b"}, NULL, NULL, true, 0},
	{"a\nb\n", {"a"}, NULL, NULL, false, 1},
	{"a\n", {"a", "b"}, NULL, NULL, false, 1},
	{"a\n", {"ab"}, NULL, NULL, false, 0},
	{"ab\n", {"a"}, NULL, NULL, false, 0},
	{"a\nb\n", {"b", "a"}, NULL, NULL, false, 0},
	/* One family. */
	{"[f=x] a\n[f=y] b\nc\n", {"a", "c"}, NULL, "f=x", true, 0},
	{"[f=x] a\n[f=y] b\nc\n", {"b", "c"}, NULL, "f=y", true, 0},
	{"[f=x] a\n[f=y] b\nc\n", {"a", "b", "c"}, NULL, NULL, false, 1},
	{"[f=x] a\n[f=y] b\nc\n", {"c"}, NULL, NULL, false, 0},
	{"[f=x] a\n[f=x] b\n[f=y]\nc\n", {"a", "b", "c"}, NULL, "f=x", true, 0},
	{"[f=x] a\n[f=x] b\n[f=y]\nc\n", {"c"}, NULL, "f=y", true, 0},
	{"[f=x] a\n[f=x] b\n[f=y]\nc\n", {"a", "c"}, NULL, NULL, false, 1},
	/* The first that fits what is before may not fit what is behind. */
	{"[f=x]\n[f=y] a\na\nb\n", {"a", "a", "b"}, NULL, "f=y", true, 0},
	{"[f=x] a\n[f=y] a\nm\n[f=x] c\n[f=y] d\n", {"a", "m", "d"}, NULL, "f=y", true, 0},
	/* A kernel has one member of a family. */
	{"[f=x] a\n[f=y] b\nm\n[f=x] c\n[f=y] d\n", {"a", "m", "d"}, NULL, NULL, false, 2},
	{"[f=x] a\n[f=y] b\n", {"a"}, "f=y", NULL, false, 0},
	{"[f=x] a\n[f=y] b\n", {"b"}, "f=y", "f=y", true, 0},
	{"[f=x] a\n[f=y] b\n", {"a"}, "g=y", "f=x", true, 0},
	/* Two families in a row, each for itself. */
	{"[f=x] a\n[f=y] b\n[g=x] a\n[g=y] b\n", {"a", "b"}, NULL, "g=y", true, 0},
	/* No families: an ordinary bracket. */
	{"[a]\n", {"[a]"}, NULL, NULL, true, 0},
	{"[a=b\n", {"[a=b"}, NULL, NULL, true, 0},
};

static void set_choice(struct conform_choices *choices, const char *text)
{
	const char *equals = strchr(text, '=');

	snprintf(choices->at[0].family, CONFORM_WORD, "%.*s", (int)(equals - text), text);
	snprintf(choices->at[0].member, CONFORM_WORD, "%s", equals + 1);
	choices->count = 1;
}

static void transcripts_allowed(void **state)
{
	for (size_t i = 0; i < COUNT(transcripts); i++) {
		struct conform_choices choices = {0}, after = {0};
		struct conform_mismatch mismatch;
		size_t count = 0, before;
		char name[40];
		bool good;

		snprintf(name, sizeof(name), "transcript %zu", i);
		while (count < 6 && transcripts[i].lines[count])
			count++;
		if (transcripts[i].before)
			set_choice(&choices, transcripts[i].before);
		before = choices.count;
		good = conform_expect(transcripts[i].expected, (char *const *)transcripts[i].lines, count,
				      &choices, &mismatch);
		check(name, good == transcripts[i].good);
		if (!good) {
			check(name, mismatch.line == transcripts[i].line);
			check(name, choices.count == before);
		} else if (transcripts[i].after) {
			const char *member;

			set_choice(&after, transcripts[i].after);
			member = conform_chosen(&choices, after.at[0].family);
			check(name, member && !strcmp(member, after.at[0].member));
		}
	}
}

/* More families than there is room for, or longer names, match nothing rather than too much. */
static void transcripts_bounded(void **state)
{
	char expected[CONFORM_FAMILIES * 16 + 16] = "", longer[2 * CONFORM_WORD] = "[";
	struct conform_choices choices = {0};
	struct conform_mismatch mismatch;

	for (unsigned i = 0; i <= CONFORM_FAMILIES; i++)
		sprintf(expected + strlen(expected), "[f%u=x]\n", i);
	assert_false(conform_expect(expected, (char *const *)no_lines, 0, &choices, &mismatch));
	*strrchr(expected, '[') = 0;
	assert_true(conform_expect(expected, (char *const *)no_lines, 0, &choices, &mismatch));
	memset(longer + 1, 'f', CONFORM_WORD);
	strcat(longer, "=x]\n");
	choices.count = 0;
	assert_false(conform_expect(longer, (char *const *)no_lines, 0, &choices, &mismatch));
}

/* The table. */

static void cases_have_guests(void **state)
{
	const struct conform_case *row, *other;
	size_t count = 0;

	assert_int_equal(conform_guest("no such guest"), 0);
	for (size_t i = 0; (row = conform_case(i)); i++, count++) {
		const char *guest = row->guest ? row->guest : row->name;
		struct conform_choices choices = {0};
		struct conform_mismatch mismatch;

		check(row->name, row->summary && *row->summary && row->expected && *row->expected);
		check(row->name, row->expected[strlen(row->expected) - 1] == '\n');
		/* Those that need none have a host program. */
		check(row->name, row->host || conform_guest(guest));
		check(row->name,
		      !conform_expect(row->expected, (char *const *)no_lines, 0, &choices, &mismatch));
		for (size_t j = 0; j < i && (other = conform_case(j)); j++)
			check(row->name, strcmp(row->name, other->name));
	}
	assert_true(count > 100);
	assert_null(conform_case(count));
}

/* A transcript of another case, or one with a line changed, is not as expected. */
static void cases_fail(void **state)
{
	const struct conform_case *row = conform_case(0);
	char *const lines[] = {"mmio read 1 at hole", "ldrb w0 0x89", "done"};
	struct conform_outcome outcome = {.lines = (char **)lines, .count = COUNT(lines)};
	struct conform_choices choices = {0};

	assert_string_equal(row->name, "mmio_loads");
	conform_judge(row, &choices, &outcome);
	assert_int_equal(outcome.verdict, CONFORM_NOT_OK);
	assert_string_equal(outcome.reason, "line 2 is \"ldrb w0 0x89\", expected \"ldrb w0 0x88\"");
	free(outcome.reason);
}

/* Result files. */

static char path[] = "/tmp/salvage-conform-XXXXXX";

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void files_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"salvage_conform\": 2, \"cases\": []}",
		"{\"salvage_conform\": 1}",
		"{\"salvage_conform\": 1, \"cases\": {}}",
		"{\"salvage_conform\": 1, \"cases\": [1]}",
		"{\"salvage_conform\": 1, \"cases\": [{\"name\": \"a\", \"verdict\": \"ok\"}]}",
		"{\"salvage_conform\": 1, \"cases\": [{\"name\": \"a\", \"verdict\": \"good\", "
		"\"transcript\": []}]}",
		"{\"salvage_conform\": 1, \"cases\": [{\"verdict\": \"ok\", \"transcript\": []}]}",
		"{\"salvage_conform\": 1, \"cases\": [{\"name\": \"a\", \"verdict\": \"ok\", "
		"\"transcript\": [1]}]}",
	};
	struct conform_results results;
	char why[512];

	for (size_t i = 0; i < COUNT(texts); i++) {
		write_file(texts[i]);
		why[0] = 0;
		check(texts[i], !conform_results_read(&results, path, why));
		check(texts[i], strstr(why, path));
	}
	assert_false(conform_results_read(&results, "/nowhere/at/all", why));
}

static void files_return(void **state)
{
	char *lines[] = {"one \"line\"", "caf\xc3\xa9"};
	struct conform_outcome outcomes[] = {
		{.name = "a", .verdict = CONFORM_OK, .lines = lines, .count = 2},
		{.name = "b", .verdict = CONFORM_SKIPPED, .reason = "why", .lines = lines, .count = 0},
		{.name = "c", .verdict = CONFORM_NOT_OK, .reason = "because", .lines = lines, .count = 1},
	};
	struct conform_results written = {outcomes, COUNT(outcomes),
					  json_pack("{s:i, s:s}", "salvage_conform", 1, "backend", "none")};
	struct conform_results read;
	char why[512];

	assert_true(conform_results_write(&written, path, why));
	assert_true(conform_results_read(&read, path, why));
	assert_int_equal(read.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(read.outcomes[i].name, outcomes[i].name);
		assert_int_equal(read.outcomes[i].verdict, outcomes[i].verdict);
		assert_int_equal(read.outcomes[i].count, outcomes[i].count);
		for (size_t line = 0; line < outcomes[i].count; line++)
			assert_string_equal(read.outcomes[i].lines[line], lines[line]);
	}
	assert_string_equal(read.outcomes[2].reason, "because");
	assert_string_equal(json_string_value(json_object_get(read.about, "backend")), "none");
	conform_results_free(&read);
	json_decref(written.about);
	assert_false(conform_results_write(&written, "/nowhere/at/all", why));
}

/* Comparison. */

static void differences(void **state)
{
	/* Of the table's case walk_rom_flag, and of names that no case has. */
	char *same[] = {"x"}, *other[] = {"y"}, *longer[] = {"x", "z"};
	char *level[] = {"to walked+0x40",
			 "taken: sync from el1h: esr 0x86000016 far walked+0x40 elr walked+0x40 spsr 0x3c5",
			 "back", "done"};
	char *external[] = {
		"to walked+0x40",
		"taken: sync from el1h: esr 0x86000010 far walked+0x40 elr walked+0x40 spsr 0x3c5", "back",
		"done"};
	struct conform_outcome ours[] = {
		{.name = "alike", .lines = same, .count = 1},
		{.name = "different", .lines = same, .count = 1},
		{.name = "shorter", .lines = same, .count = 1},
		{.name = "walk_hole_fetch", .lines = level, .count = 4},
		{.name = "skipped", .verdict = CONFORM_SKIPPED, .reason = "here"},
		{.name = "alone", .lines = same, .count = 1},
	};
	struct conform_outcome theirs[] = {
		{.name = "skipped", .lines = same, .count = 1},
		{.name = "walk_hole_fetch", .lines = external, .count = 4},
		{.name = "shorter", .lines = longer, .count = 2},
		{.name = "different", .lines = other, .count = 1},
		{.name = "alike", .lines = same, .count = 1},
	};
	struct conform_results a = {ours, COUNT(ours), NULL}, b = {theirs, COUNT(theirs), NULL};
	struct conform_comparison is;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	is = conform_compare(&a, &b, out);
	fclose(out);
	assert_int_equal(is.alike, 1);
	assert_int_equal(is.explained, 1);
	assert_int_equal(is.different, 2);
	assert_int_equal(is.alone, 2);
	assert_non_null(
		strstr(text, "# compare: walk_hole_fetch: explained: walk-syndrome=level/external\n"));
	assert_non_null(strstr(text, "# compare: different: differs\n#   1 here:  x\n#   1 there: y\n"));
	assert_non_null(strstr(text, "# compare: shorter: differs\n#   2 there: z\n"));
	assert_non_null(strstr(text, "# compare: skipped: skipped here: here\n"));
	assert_null(strstr(text, "alike"));
	free(text);
	/* A change that the case does not allow is no generation's. */
	external[2] = "forth";
	out = open_memstream(&text, &size);
	is = conform_compare(&a, &b, out);
	fclose(out);
	assert_int_equal(is.explained, 0);
	assert_int_equal(is.different, 3);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_are_apart),   cmocka_unit_test(channel_prints),
		cmocka_unit_test(channel_distrusts),   cmocka_unit_test(channel_cuts),
		cmocka_unit_test(channel_tells),       cmocka_unit_test(transcripts_allowed),
		cmocka_unit_test(transcripts_bounded), cmocka_unit_test(cases_have_guests),
		cmocka_unit_test(cases_fail),          cmocka_unit_test(files_refused),
		cmocka_unit_test(files_return),        cmocka_unit_test(differences),
	};
	int file = mkstemp(path), failed;

	if (file < 0)
		return 1;
	close(file);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
