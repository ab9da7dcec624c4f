/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of the journal, identity of pages and VMs, thresholds, messages. */
#include <stdlib.h>

#include <salvage/ras.h>

#include "ras/bytes.h"
#include "ras/crc.h"
#include "ras/record.h"
#include "support/check.h"

static void checksums(void **state)
{
	uint8_t bytes[32];

	/* RFC 3720, B.4, and the check value of the CRC catalogues. */
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x62a8ab43);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(bytes, sizeof(bytes)), 0x46dd794e);
	assert_int_equal(crc32c(bytes, 0), 0);
}

static struct journal_record sample(void)
{
	struct journal_record record = {
		.index = 0x01020304,
		.sighting = RECORD_NEW,
		.error = {.source = SV_RAS_SIGBUS_AR,
			  .valid = SV_RAS_GPA | SV_RAS_GVA | SV_RAS_HVA | SV_RAS_PC | SV_RAS_ESR,
			  .vcpu = 0x11121314,
			  .realtime_ns = 0x2122232425262728,
			  .monotonic_ns = 0x3132333435363738,
			  .esr = 0x4142434445464748,
			  .gpa = 0x5152535455565758,
			  .gva = 0x6162636465666768,
			  .hva = 0x7172737475767778,
			  .pc = 0x8182838485868788},
		.id = 0x9192939495969798,
		.count = 0xa1a2a3a4a5a6a7a8,
		.distinct = 0xb1b2b3b4,
		.threshold = 0xc1c2c3,
		.action = SV_ACTION_RESTART,
	};

	memset(record.vm, 0xd1, 16);
	memset(record.boot, 0xe1, 16);
	return record;
}

/* The format is a promise to files on disk: byte by byte, not by the code that wrote it. */
static void record_layout(void **state)
{
	static const uint8_t expected[RECORD_SIZE] = {
		0,    0,    0,    0,    0x04, 0x03, 0x02, 0x01, 1,    2,    0x1f, 1,    0x14, 0x13, 0x12,
		0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x38, 0x37, 0x36, 0x35, 0x34, 0x33,
		0x32, 0x31, 0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41, 0x58, 0x57, 0x56, 0x55, 0x54,
		0x53, 0x52, 0x51, 0x68, 0x67, 0x66, 0x65, 0x64, 0x63, 0x62, 0x61, 0x78, 0x77, 0x76, 0x75,
		0x74, 0x73, 0x72, 0x71, 0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x81, 0x98, 0x97, 0x96,
		0x95, 0x94, 0x93, 0x92, 0x91, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1,
		0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1,
		0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xe1, 0xa8, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1,
		0xb4, 0xb3, 0xb2, 0xb1, 0xc3, 0xc2, 0xc1, 5,
	};
	struct journal_record record = sample(), read;
	uint8_t bytes[RECORD_SIZE];

	assert_int_equal(512 % RECORD_SIZE, 0);
	assert_int_equal(RECORDS_AT % 512, 0);
	record_encode(&record, bytes);
	assert_memory_equal(bytes + 4, expected + 4, RECORD_SIZE - 4);
	assert_int_equal(bytes_get(bytes, 4), crc32c(expected + 4, RECORD_SIZE - 4));
	memset(&read, 0, sizeof(read));
	assert_true(record_decode(bytes, record.index, &read));
	record_encode(&read, bytes);
	assert_memory_equal(bytes + 4, expected + 4, RECORD_SIZE - 4);
	/* Found elsewhere, it is another record's place. */
	assert_false(record_decode(bytes, record.index + 1, &read));
}

static void every_bit_counts(void **state)
{
	struct journal_record record = sample(), read;
	struct journal_tally tally = {5, 6};
	uint8_t bytes[HEADER_SIZE];
	struct journal_header header = {.capacity = 4, .id = 7}, header_read;

	record_encode(&record, bytes);
	for (unsigned bit = 0; bit < 8 * RECORD_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (record_decode(bytes, record.index, &read))
			fail_msg("record: bit %u may flip", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	tally_encode(&tally, 7, 3, bytes);
	assert_true(tally_decode(bytes, 7, 3, &tally));
	assert_int_equal(tally.count, 5);
	assert_int_equal(tally.last_ns, 6);
	assert_false(tally_decode(bytes, 8, 3, &tally));
	assert_false(tally_decode(bytes, 7, 4, &tally));
	for (unsigned bit = 0; bit < 8 * TALLY_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (tally_decode(bytes, 7, 3, &tally))
			fail_msg("tally: bit %u may flip", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	header_encode(&header, bytes);
	assert_int_equal(header_decode(bytes, &header_read), SV_OK);
	assert_int_equal(header_read.capacity, 4);
	for (unsigned bit = 0; bit < 8 * HEADER_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (header_decode(bytes, &header_read) != SV_DAMAGED)
			fail_msg("header: bit %u may flip", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	mark_encode(9, 7, bytes);
	assert_int_equal(mark_decode(bytes, 7), 9);
	assert_int_equal(mark_decode(bytes, 8), 0);
	for (unsigned bit = 0; bit < 8 * MARK_SIZE; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (mark_decode(bytes, 7))
			fail_msg("mark: bit %u may flip", bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* Values that no version writes, under a checksum that is right. */
static void whole_but_wrong(void **state)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t value;
	} cases[] = {
		{"type", 8, 2},
		{"type", 8, 0},
		{"source", 9, SV_RAS_SOURCE_COUNT},
		{"valid", 10, 0x40},
		{"inferred without address", 10, SV_RAS_INFERRED},
		{"sighting", 11, 0},
		{"sighting", 11, 5},
		{"action", 127, SV_ACTION_COUNT},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct journal_record record = sample(), read;
		uint8_t bytes[RECORD_SIZE];

		record_encode(&record, bytes);
		bytes[cases[i].at] = cases[i].value;
		bytes_put(bytes, crc32c(bytes + 4, RECORD_SIZE - 4), 4);
		check(cases[i].name, !record_decode(bytes, record.index, &read));
	}
}

static void headers(void **state)
{
	static const struct {
		const char *name;
		unsigned at, size;
		uint64_t value;
		enum sv_status status;
	} cases[] = {
		{"next version", 12, 4, 2, SV_UNSUPPORTED},        {"version 0", 12, 4, 0, SV_DAMAGED},
		{"record size", 24, 4, 256, SV_DAMAGED},           {"no capacity", 28, 4, 0, SV_DAMAGED},
		{"capacity", 28, 4, CAPACITY_MAX + 1, SV_DAMAGED}, {"most", 28, 4, CAPACITY_MAX, SV_OK},
		{"name without end", 96 + 63, 1, 'x', SV_DAMAGED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct journal_header header = {.capacity = 4}, read;
		uint8_t bytes[HEADER_SIZE];

		header_encode(&header, bytes);
		bytes_put(bytes + cases[i].at, cases[i].value, cases[i].size);
		bytes_put(bytes + 8, crc32c(bytes + 12, HEADER_SIZE - 12), 4);
		check(cases[i].name, header_decode(bytes, &read) == cases[i].status);
	}
}

static void identities(void **state)
{
	static const struct {
		const char *name;
		unsigned valid;
		enum sv_ras_kind kind;
		uint64_t page;
	} cases[] = {
		{"both", SV_RAS_GPA | SV_RAS_GVA, SV_RAS_BY_GPA, 0x40001000},
		{"gpa", SV_RAS_GPA, SV_RAS_BY_GPA, 0x40001000},
		{"gva", SV_RAS_GVA, SV_RAS_BY_GVA, 0xffff800000002000},
		{"inferred gva", SV_RAS_GVA | SV_RAS_INFERRED, SV_RAS_BY_GVA, 0xffff800000002000},
		{"inferred gpa", SV_RAS_GPA | SV_RAS_INFERRED, SV_RAS_BY_GPA, 0x40001000},
		{"neither", SV_RAS_PC | SV_RAS_HVA, SV_RAS_UNKNOWN, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_memory_error error = {.valid = (uint8_t)cases[i].valid,
						.gpa = 0x40001fff,
						.gva = 0xffff800000002010};
		uint64_t page;

		check(cases[i].name, sv_ras_identify(&error, &page) == cases[i].kind);
		check(cases[i].name, page == cases[i].page);
	}
	assert_string_equal(sv_ras_source_name(SV_RAS_SEA_INSN), "sea-insn");
	assert_string_equal(sv_ras_source_name(SV_RAS_SOURCE_COUNT), "?");
	assert_string_equal(sv_ras_kind_name(SV_RAS_UNKNOWN), "unknown");
	assert_string_equal(sv_ras_kind_name((enum sv_ras_kind)77), "?");
}

static void vm_names(void **state)
{
	static const struct {
		const char *text, *uuid;
	} cases[] = {
		{"01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"},
		{"01234567-89AB-CDEF-0123-456789ABCDEF", "01234567-89ab-cdef-0123-456789abcdef"},
		/* FNV-1a 128 of "a" is d228cb696f1a8caf78912b704e4a8964, by its published test vectors. */
		{"a", "d228cb69-6f1a-8caf-b891-2b704e4a8964"},
	};
	static const char *const names[] = {"web-1", "web-2", "01234567-89ab-cdef-0123-456789abcde",
					    "01234567-89ab-cdef-0123-456789abcdef0",
					    "01234567089ab-cdef-0123-456789abcdef"};
	char text[37], longest[SV_RAS_NAME + 1];
	uint8_t id[16], other[16];

	for (size_t i = 0; i < COUNT(cases); i++) {
		check(cases[i].text, sv_ras_vm_id(cases[i].text, id) == SV_OK);
		sv_ras_id_text(id, text);
		assert_string_equal(text, cases[i].uuid);
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		check(names[i], sv_ras_vm_id(names[i], id) == SV_OK);
		check(names[i], id[6] >> 4 == 8 && id[8] >> 6 == 2);
		for (size_t j = 0; j < i; j++) {
			sv_ras_vm_id(names[j], other);
			check(names[i], memcmp(id, other, 16));
		}
	}
	assert_int_equal(sv_ras_vm_id("", id), SV_MALFORMED);
	memset(longest, 'x', sizeof(longest));
	longest[SV_RAS_NAME - 1] = 0;
	assert_int_equal(sv_ras_vm_id(longest, id), SV_OK);
	longest[SV_RAS_NAME - 1] = 'x';
	longest[SV_RAS_NAME] = 0;
	assert_int_equal(sv_ras_vm_id(longest, id), SV_MALFORMED);
}

static void thresholds(void **state)
{
	static const char *const texts[] = {"sea:5=stop", "sea:2=dump", "sea:9=restart", "sea=inject",
					    "hole=stop"};
	static const struct {
		uint64_t distinct;
		const char *rule;
		enum sv_action action;
		uint32_t next;
	} cases[] = {
		{0, NULL, SV_ACTION_COUNT, 2},
		{1, NULL, SV_ACTION_COUNT, 2},
		{2, "sea:2=dump", SV_ACTION_DUMP, 5},
		{4, "sea:2=dump", SV_ACTION_DUMP, 5},
		{5, "sea:5=stop", SV_ACTION_STOP, 9},
		{8, "sea:5=stop", SV_ACTION_STOP, 9},
		{9, "sea:9=restart", SV_ACTION_RESTART, 0},
		{UINT64_MAX, "sea:9=restart", SV_ACTION_RESTART, 0},
	};
	struct sv_rule rules[8];
	struct sv_policy policy = {rules, COUNT(rules), 0};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct sv_rule_error error;
		struct sv_rule rule;

		assert_int_equal(sv_rule_parse(texts[i], strlen(texts[i]), &rule, &error), SV_OK);
		assert_int_equal(sv_policy_add(&policy, &rule, NULL), SV_OK);
	}
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_thresholds reached = sv_thresholds(&policy, cases[i].distinct);

		assert_int_equal(reached.action, cases[i].action);
		assert_int_equal(reached.next, cases[i].next);
		assert_int_equal(!reached.rule, !cases[i].rule);
		if (reached.rule)
			assert_string_equal(reached.rule->text, cases[i].rule);
	}
	assert_null(sv_thresholds(NULL, 100).rule);
	assert_int_equal(sv_thresholds(NULL, 100).next, 0);
}

static void messages(void **state)
{
	static const struct sv_rule rule = {.text = "sea:2=restart"};
	static const struct {
		struct sv_memory_error error;
		struct sv_ras_answer answer;
		const char *text;
	} cases[] = {
		{{.source = SV_RAS_SEA_DATA,
		  .valid = SV_RAS_GPA | SV_RAS_GVA | SV_RAS_PC,
		  .gva = 0xffff12,
		  .pc = 0x80,
		  .vcpu = 1},
		 {.kind = SV_RAS_BY_GPA, .page = 0x40001000, .distinct = 1, .durable = true},
		 "memory error (sea-data, vcpu 1, pc 0x80): the guest's page at 0x40001000 (virtual 0xffff12) is bad; "
		 "1 distinct page by now"},
		{{.source = SV_RAS_SIGBUS_AO, .valid = SV_RAS_GPA, .vcpu = SV_RAS_NO_VCPU},
		 {.kind = SV_RAS_BY_GPA, .page = 0x40001000, .distinct = 2, .rule = &rule},
		 "memory error (sigbus-ao): the guest's page at 0x40001000 is bad; 2 distinct pages by now; "
		 "rule sea:2=restart"},
		{{.valid = SV_RAS_GVA | SV_RAS_INFERRED, .vcpu = 0},
		 {.kind = SV_RAS_BY_GVA, .page = 0xffff0000, .distinct = 3},
		 "memory error (sea-data, vcpu 0): the guest's page at virtual 0xffff0000 is bad by inference from the "
		 "instruction; 3 distinct pages by now"},
		{{.source = SV_RAS_HWPOISON, .vcpu = 0},
		 {.kind = SV_RAS_UNKNOWN, .sighting = SV_RAS_NO_PAGE},
		 "memory error (hwpoison, vcpu 0): a page that the hardware does not name is bad; 0 distinct pages by "
		 "now"},
		{{.valid = SV_RAS_GPA}, {.kind = SV_RAS_BY_GPA, .sighting = SV_RAS_REPEAT}, ""},
		{{.valid = SV_RAS_GPA}, {.kind = SV_RAS_BY_GPA, .sighting = SV_RAS_SATURATED}, ""},
		{{.valid = SV_RAS_GPA, .vcpu = 7},
		 {.kind = SV_RAS_BY_GPA,
		  .sighting = SV_RAS_CONFIRMED,
		  .distinct = 1,
		  .notice = SV_RAS_NOT_WRITTEN,
		  .error = 28},
		 "memory error (sea-data, vcpu 7): the guest's page at 0x00000000 is bad, as was inferred; 1 distinct "
		 "page by now; the journal could not be written: No space left on device; new pages are kept in memory "
		 "until it can"},
	};
	char text[512], cut[20];

	for (size_t i = 0; i < COUNT(cases); i++) {
		sv_ras_message(&cases[i].error, &cases[i].answer, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
		assert_null(strchr(text, '\n'));
	}
	sv_ras_message(&cases[0].error, &cases[0].answer, cut, sizeof(cut));
	assert_string_equal(cut, "memory error (sea-d");
	sv_ras_message(&cases[0].error, &cases[0].answer, cut, 0);
	assert_string_equal(cut, "memory error (sea-d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums),        cmocka_unit_test(record_layout),
		cmocka_unit_test(every_bit_counts), cmocka_unit_test(whole_but_wrong),
		cmocka_unit_test(headers),          cmocka_unit_test(identities),
		cmocka_unit_test(vm_names),         cmocka_unit_test(thresholds),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
