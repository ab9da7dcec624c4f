/* SPDX-License-Identifier: BSD-2-Clause */
/* Every line is parsed back: what a reader sees is what is tested. */
#include <pthread.h>
#include <stdlib.h>

#include <jansson.h>

#include "support/check.h"

#include "events.h"

static char *text;
static size_t text_size;
static FILE *file;

static struct vmm_events *begin(const char *vm, uint64_t limit)
{
	file = open_memstream(&text, &text_size);
	assert_non_null(file);
	struct vmm_events *events = vmm_events_new(file, vm, limit);
	assert_non_null(events);
	return events;
}

/* The lines as a JSON array. seq counts up in every run. */
static json_t *end(struct vmm_events *events)
{
	json_t *lines = json_array();
	json_error_t error;

	vmm_events_free(events);
	fclose(file);
	for (char *line = text, *newline; *line; line = newline + 1) {
		json_t *event;

		newline = strchr(line, '\n');
		assert_non_null(newline);
		event = json_loadb(line, (size_t)(newline - line), JSON_REJECT_DUPLICATES, &error);
		assert_non_null(event);
		assert_int_equal(json_integer_value(json_object_get(event, "v")), VMM_EVENTS_SCHEMA);
		assert_true(json_integer_value(json_object_get(event, "t")) > 0);
		json_array_append_new(lines, event);
	}
	free(text);
	return lines;
}

static const json_t *field(const json_t *lines, size_t index, const char *name)
{
	const json_t *value = json_object_get(json_array_get(lines, index), name);

	if (!value)
		fail_msg("line %zu has no %s", index, name);
	return value;
}

#define STRING(lines, index, name)  json_string_value(field(lines, index, name))
#define INTEGER(lines, index, name) json_integer_value(field(lines, index, name))
#define IS_NULL(lines, index, name) json_is_null(field(lines, index, name))

static struct sv_report a_report(uint64_t pc, uint64_t ipa, enum sv_ending ending)
{
	static const struct sv_region region = {.name = "recorder"};
	static const struct sv_rule rule = {.text = "nisv=emulate"};
	struct sv_report report = {
		.cause = SV_CAUSE_NISV,
		.ending = ending,
		.abort = {.esr_iss = 0x46, .fault_ipa = ipa},
		.pc = pc,
		.has_pc = true,
		.va = ipa + 0x1000,
		.has_va = true,
		.ipa = ipa,
		.has_word = true,
		.word = 0xa9000801,
		.has_insn = true,
		.write = true,
		.accesses = 2,
		.region = &region,
		.rule = &rule,
	};

	assert_int_equal(sv_decode(SV_A64, report.word, &report.insn), SV_OK);
	return report;
}

static void fields(void **state)
{
	struct vmm_events *events = begin("a vm", 1 << 20);
	const uint8_t data[8] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
	struct sv_report report = a_report(0x40001000, 0xa000008, SV_ENDING_COMPLETED);
	json_t *lines;

	vmm_events_mmio(events, 3, "recorder", 0xa000008, 8, true, data);
	vmm_events_mmio(events, 0, "recorder", 0xa000008, 2, false, data);
	report.symbol = "uart_init+0x10";
	report.node = "/recorder@a000000";
	report.node_here = true;
	vmm_events_abort(events, 1, &report);
	assert_true(vmm_events_exit(events, 200, "guest"));
	lines = end(events);
	assert_int_equal(json_array_size(lines), 4);

	assert_string_equal(STRING(lines, 0, "vm"), "a vm");
	assert_string_equal(STRING(lines, 0, "event"), "mmio");
	assert_int_equal(INTEGER(lines, 0, "vcpu"), 3);
	assert_int_equal(INTEGER(lines, 0, "seq"), 0);
	assert_string_equal(STRING(lines, 0, "dir"), "w");
	assert_string_equal(STRING(lines, 0, "ipa"), "0xa000008");
	assert_int_equal(INTEGER(lines, 0, "size"), 8);
	assert_string_equal(STRING(lines, 0, "value"), "0x1122334455667788");
	assert_string_equal(STRING(lines, 0, "device"), "recorder");
	assert_string_equal(STRING(lines, 1, "dir"), "r");
	assert_string_equal(STRING(lines, 1, "value"), "0x7788");

	assert_string_equal(STRING(lines, 2, "event"), "abort");
	assert_string_equal(STRING(lines, 2, "cause"), "nisv");
	assert_string_equal(STRING(lines, 2, "pc"), "0x40001000");
	assert_string_equal(STRING(lines, 2, "symbol"), "uart_init+0x10");
	assert_string_equal(STRING(lines, 2, "node"), "/recorder@a000000");
	assert_true(json_is_true(field(lines, 2, "node_here")));
	assert_string_equal(STRING(lines, 2, "isa"), "a64");
	assert_string_equal(STRING(lines, 2, "insn"), "0xa9000801");
	assert_string_equal(STRING(lines, 2, "text"), "stp x1, x2, [x0]");
	assert_string_equal(STRING(lines, 2, "class"), "pair");
	assert_string_equal(STRING(lines, 2, "ipa"), "0xa000008");
	assert_string_equal(STRING(lines, 2, "gva"), "0xa001008");
	assert_string_equal(STRING(lines, 2, "esr"), "0x46");
	assert_string_equal(STRING(lines, 2, "dir"), "w");
	assert_string_equal(STRING(lines, 2, "verdict"), "completed");
	assert_string_equal(STRING(lines, 2, "rule"), "nisv=emulate");
	assert_int_equal(INTEGER(lines, 2, "accesses"), 2);
	assert_true(IS_NULL(lines, 2, "would"));
	assert_true(IS_NULL(lines, 2, "reason"));

	assert_string_equal(STRING(lines, 3, "event"), "exit");
	assert_int_equal(INTEGER(lines, 3, "seq"), 3);
	assert_int_equal(INTEGER(lines, 3, "status"), 200);
	assert_string_equal(STRING(lines, 3, "reason"), "guest");
	assert_int_equal(INTEGER(lines, 3, "dropped"), 0);
	assert_true(IS_NULL(lines, 3, "vcpu"));
	json_decref(lines);
}

/* What a report does not know is null, not missing and not invented. */
static void unknown_fields(void **state)
{
	static const char *const nulls[] = {"pc",   "isa",    "insn", "text",   "class", "gva",
					    "rule", "device", "esr",  "symbol", "node",  "node_here"};
	struct vmm_events *events = begin("vm", 1 << 20);
	struct sv_report report = {.cause = SV_CAUSE_HOLE,
				   .reason = SV_REASON_HOLE,
				   .ending = SV_ENDING_OBSERVED,
				   .would = SV_ENDING_INJECTED,
				   .ipa = UINT64_MAX,
				   .isv = true};
	json_t *lines;

	vmm_events_abort(events, 0, &report);
	lines = end(events);
	for (size_t i = 0; i < COUNT(nulls); i++)
		check(nulls[i], IS_NULL(lines, 0, nulls[i]));
	assert_string_equal(STRING(lines, 0, "ipa"), "0xffffffffffffffff");
	assert_string_equal(STRING(lines, 0, "would"), "injected");
	assert_string_equal(STRING(lines, 0, "verdict"), "observed");
	json_decref(lines);
}

/* All aborts, or those for one reason. */
static uint64_t total_of(const json_t *lines, const char *reason)
{
	uint64_t sum = 0;
	size_t index;
	json_t *line;

	json_array_foreach(lines, index, line)
	{
		const json_t *repeats = json_object_get(line, "repeats");

		if (!strcmp(json_string_value(json_object_get(line, "event")), "abort") &&
		    (!reason || !strcmp(json_string_value(json_object_get(line, "reason")), reason)))
			sum += repeats ? (uint64_t)json_integer_value(repeats) : 1;
	}
	return sum;
}

static uint64_t total(const json_t *lines)
{
	return total_of(lines, NULL);
}

/* The sum over all lines is the number of aborts, however few lines there are. */
static void repeats(void **state)
{
	static const unsigned counts[] = {1, 3, 4, 5, 6, 7, 8, 9, 100, 4097, 100000};

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct vmm_events *events = begin("vm", 1 << 20);
		struct sv_report report = a_report(0x40001000, 0xb000000, SV_ENDING_INJECTED);
		json_t *lines;

		for (unsigned n = 0; n < counts[i]; n++)
			vmm_events_abort(events, n % 2, &report);
		vmm_events_exit(events, 0, "guest");
		lines = end(events);
		assert_int_equal(total(lines), counts[i]);
		/* A reader of a run that goes on hears of them now and then. */
		assert_true(json_array_size(lines) < 24);
		assert_true(counts[i] < 100000 || json_array_size(lines) > 12);
		if (counts[i] <= VMM_EVENTS_REPEATS)
			assert_int_equal(json_array_size(lines), counts[i] + 1);
		json_decref(lines);
	}
}

/* Different aborts are told apart, also when they take turns, and also when there are more than are kept. */
static void kinds(void **state)
{
	struct vmm_events *events = begin("vm", 64 << 20);
	json_t *lines;

	for (unsigned round = 0; round < 10; round++)
		for (unsigned i = 0; i < 1000; i++) {
			struct sv_report report = a_report(0x40000000 + 4 * (i % 10), 0xb000000 + 8 * i,
							   i % 3 ? SV_ENDING_INJECTED : SV_ENDING_IGNORED);

			vmm_events_abort(events, 0, &report);
		}
	vmm_events_exit(events, 0, "guest");
	lines = end(events);
	assert_int_equal(total(lines), 10000);
	json_decref(lines);

	/* One pushes out another that has not been written out in full. */
	events = begin("vm", 64 << 20);
	for (unsigned i = 0; i < 7000; i++) {
		struct sv_report report = a_report(0x40000000, 0xb000000 + i / 7 * 8, SV_ENDING_INJECTED);

		vmm_events_abort(events, 0, &report);
	}
	vmm_events_exit(events, 0, "guest");
	lines = end(events);
	assert_int_equal(total(lines), 7000);
	json_decref(lines);

	events = begin("vm", 1 << 20);
	for (unsigned i = 0; i < 20; i++) {
		struct sv_report report =
			a_report(0x40000000, 0xb000000, i % 2 ? SV_ENDING_INJECTED : SV_ENDING_STOPPED);

		vmm_events_abort(events, 0, &report);
	}
	lines = end(events);
	/* Four of each one by one, whatever slot they share. */
	assert_true(json_array_size(lines) >= 8);
	json_decref(lines);

	/* One end, two reasons: each has a sum of its own. */
	events = begin("vm", 1 << 20);
	for (unsigned i = 0; i < 300; i++) {
		struct sv_report report = a_report(0x40000000, 0xb000000, SV_ENDING_RETRIED);

		report.reason = i % 3 ? SV_REASON_ADDRESS : SV_REASON_DIRECTION;
		vmm_events_abort(events, 0, &report);
	}
	vmm_events_exit(events, 0, "guest");
	lines = end(events);
	assert_int_equal(total(lines), 300);
	assert_int_equal(total_of(lines, sv_reason_text(SV_REASON_DIRECTION)), 100);
	json_decref(lines);
}

/* A guest that meets ever new holes fills the file to its limit, and what it cannot is counted. */
static void flood(void **state)
{
	const uint64_t bytes = 100000;
	struct vmm_events *events = begin("vm", bytes);
	json_t *lines;
	size_t count;

	for (unsigned i = 0; i < 20000; i++) {
		struct sv_report report = a_report(0x40000000, 0xb000000 + 8 * i, SV_ENDING_INJECTED);

		vmm_events_abort(events, 0, &report);
	}
	fflush(file);
	assert_true(text_size <= bytes);
	vmm_events_exit(events, 0, "guest");
	assert_true(text_size <= bytes + 256);
	lines = end(events);
	count = json_array_size(lines);
	assert_true(count > 100);
	assert_int_equal(count - 1 + (size_t)INTEGER(lines, count - 1, "dropped"), 20000);
	json_decref(lines);
}

/* The file ends at its limit; the exit event still comes, and says how many did not. */
static void limit(void **state)
{
	for (uint64_t bytes = 0; bytes < 2000; bytes += 250) {
		struct vmm_events *events = begin("vm", bytes);
		const uint8_t data[8] = {0};
		size_t count;
		json_t *lines;

		for (unsigned i = 0; i < 100; i++)
			vmm_events_mmio(events, 0, "recorder", 0xa000000 + i, 8, true, data);
		fflush(file);
		assert_true(text_size <= bytes);
		vmm_events_exit(events, 0, "guest");
		lines = end(events);
		count = json_array_size(lines);
		assert_string_equal(STRING(lines, count - 1, "event"), "exit");
		assert_int_equal(INTEGER(lines, count - 1, "dropped"), 100 - (count - 1));
		assert_int_equal(INTEGER(lines, count - 1, "seq"), 100);
		json_decref(lines);
	}
}

/* A file name can be any bytes; JSON cannot. */
static void names(void **state)
{
	struct vmm_events *events = begin("g\xff\xfe\"\\\n\x01", 1 << 20);
	json_t *lines;

	vmm_events_exit(events, 0, "guest");
	lines = end(events);
	assert_int_equal(json_array_size(lines), 1);
	json_decref(lines);
}

static void full_disk(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	struct vmm_events *events = vmm_events_new(full, "vm", 1 << 20);

	assert_non_null(full);
	assert_false(vmm_events_exit(events, 0, "guest"));
	vmm_events_free(events);
	fclose(full);
}

static void *hammer(void *opaque)
{
	struct vmm_events *events = opaque;
	const uint8_t data[8] = {0};

	for (unsigned i = 0; i < 200; i++) {
		struct sv_report report = a_report(0x40000000, 0xb000000, SV_ENDING_INJECTED);

		vmm_events_mmio(events, 0, "recorder", 0xa000000, 4, false, data);
		vmm_events_abort(events, 0, &report);
	}
	return NULL;
}

static void threads(void **state)
{
	struct vmm_events *events = begin("vm", 64 << 20);
	pthread_t thread[4];
	json_t *lines;

	for (size_t i = 0; i < COUNT(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, events), 0);
	for (size_t i = 0; i < COUNT(thread); i++)
		pthread_join(thread[i], NULL);
	vmm_events_exit(events, 0, "guest");
	lines = end(events);
	assert_int_equal(total(lines), 200 * COUNT(thread));
	for (size_t i = 0; i < json_array_size(lines); i++)
		assert_int_equal(INTEGER(lines, i, "seq"), i);
	json_decref(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields), cmocka_unit_test(unknown_fields), cmocka_unit_test(repeats),
		cmocka_unit_test(kinds),  cmocka_unit_test(flood),          cmocka_unit_test(limit),
		cmocka_unit_test(names),  cmocka_unit_test(full_disk),      cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
