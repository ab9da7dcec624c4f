/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A journal cut at every byte, and with every bit of it flipped: whatever is left whole is found, and it
 * opens.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"
#include "ras/recover.h"

#define PAGE UINT64_C(4096)

enum { PAGES = 6 };

struct original {
	struct files files;
	char whole[96];
	uint8_t *bytes;
	size_t size;
	uint32_t capacity;
};

static int make(void **state)
{
	static struct original original;
	struct sv_ras *ras;
	int fd;

	files_make_fast(&original.files);
	ras = ras_at(original.files.journal, 1, PAGES, NULL);
	for (uint64_t i = 0; i < PAGES; i++)
		for (uint64_t n = 0; n <= i; n++)
			record_at(ras, i * PAGE);
	sv_ras_close(ras);
	original.capacity = 4 * (PAGES + 1);
	original.size = JOURNAL_SIZE(original.capacity);
	original.bytes = malloc(original.size);
	fd = open(original.files.journal, O_RDONLY);
	assert_int_equal(read(fd, original.bytes, original.size), original.size);
	close(fd);
	*state = &original;
	return 0;
}

static int discard(void **state)
{
	struct original *original = *state;

	files_remove(&original->files);
	free(original->bytes);
	return 0;
}

static void put(const struct original *original, const uint8_t *bytes, size_t size)
{
	int fd = open(original->files.journal, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/*
 * Whether the record of page i is whole in a file of which only the first size bytes are left. What is cut
 * off reads as zero, so zeros at its end may be missing.
 */
static bool is_whole(const struct original *original, size_t size, uint32_t i)
{
	size_t end = RECORD_AT(i + 1);

	while (!original->bytes[end - 1])
		end--;
	return size >= end;
}

static void reads_what_is_whole(const struct original *original, size_t size)
{
	struct journal_scan scan;
	int fd = open(original->files.journal, O_RDONLY);

	assert_int_equal(journal_scan(fd, &scan), 0);
	close(fd);
	for (uint32_t i = 0; i < PAGES; i++) {
		bool found = i < scan.used && scan.records[i].sighting;

		if (found != is_whole(original, size, i))
			fail_msg("%zu bytes: record %u is %sfound", size, i, found ? "" : "not ");
		if (found)
			assert_int_equal(scan.records[i].error.gpa, i * PAGE);
		if (found && size == original->size)
			assert_int_equal(scan.tallies[i].count, i + 1);
	}
	assert_int_equal(!scan.damage, size == original->size);
	journal_scan_free(&scan);
}

/* Opening for the same start: what can be read is carried into a new file, the old one is kept. */
static void opens(const struct original *original, size_t size)
{
	struct sv_ras_opening opening;
	struct sv_ras *ras = ras_at(original->files.journal, 1, PAGES, &opening);
	uint32_t whole = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		struct sv_ras_answer answer = record_at(ras, i * PAGE);

		whole += is_whole(original, size, i);
		if ((answer.sighting == SV_RAS_REPEAT) != is_whole(original, size, i))
			fail_msg("%zu bytes: page %u", size, i);
		assert_true(answer.durable);
	}
	assert_int_equal(opening.restored, whole);
	assert_int_equal(!opening.aside[0], size == original->size);
	assert_int_equal(!opening.text[0], size == original->size);
	if (opening.aside[0])
		assert_int_equal(unlink(opening.aside), 0);
	sv_ras_close(ras);
}

static void cut_at_every_byte(void **state)
{
	const struct original *original = *state;

	for (size_t size = 0; size <= original->size; size++) {
		put(original, original->bytes, size);
		reads_what_is_whole(original, size);
	}
}

/* As cut, with opening: it syncs, so not at every byte of the tallies and of the header's rest. */
static void opens_at_every_cut(void **state)
{
	const struct original *original = *state;

	for (size_t size = 0; size <= original->size; size++) {
		bool near =
			size % 128 <= 1 || size % 128 == 127 || (size > RECORD_AT(1) && size < RECORD_AT(2));

		if (!near && size != original->size)
			continue;
		put(original, original->bytes, size);
		opens(original, size);
	}
}

static void one_bit(const struct original *original, uint8_t *bytes, size_t at, unsigned bit)
{
	struct journal_scan scan;
	uint32_t valid = 0;
	int fd;

	bytes[at] ^= (uint8_t)(1 << bit);
	fd = open(original->files.journal, O_WRONLY);
	assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
	close(fd);
	fd = open(original->files.journal, O_RDONLY);
	assert_int_equal(journal_scan(fd, &scan), 0);
	for (uint32_t i = 0; i < scan.used; i++) {
		bool hit = at >= RECORD_AT(i) && at < RECORD_AT(i + 1);

		if (i < PAGES && !!scan.records[i].sighting == hit)
			fail_msg("byte %zu, bit %u: record %u", at, bit, i);
		valid += !!scan.records[i].sighting;
		if (scan.records[i].sighting)
			assert_int_equal(scan.records[i].error.gpa, i * PAGE);
	}
	/* A flip where no record is yet is damage too; nothing is ever found that was not written. */
	assert_int_equal(valid, at >= RECORD_AT(0) && at < RECORD_AT(PAGES) ? PAGES - 1 : PAGES);
	assert_int_equal(!!scan.damage,
			 at < HEADER_SIZE || (at >= RECORDS_AT && at < TALLY_AT(original->capacity, 0)));
	journal_scan_free(&scan);
	close(fd);
	fd = open(original->files.journal, O_WRONLY);
	bytes[at] ^= (uint8_t)(1 << bit);
	assert_int_equal(pwrite(fd, bytes + at, 1, (off_t)at), 1);
	close(fd);
}

static void every_bit(void **state)
{
	const struct original *original = *state;
	uint8_t *bytes = malloc(original->size);

	memcpy(bytes, original->bytes, original->size);
	put(original, bytes, original->size);
	for (size_t at = 0; at < original->size; at++)
		for (unsigned bit = 0; bit < 8; bit++)
			one_bit(original, bytes, at, bit);
	free(bytes);
}

/* The second copy of the header is as good as the first. */
static void either_header(void **state)
{
	const struct original *original = *state;
	struct sv_ras_opening opening;
	uint8_t zeros[HEADER_SIZE] = {0};
	struct journal_scan scan;
	struct sv_ras *ras;
	int fd;

	put(original, original->bytes, original->size);
	/* Another start writes the other copy. */
	ras = ras_at(original->files.journal, 2, PAGES, &opening);
	assert_string_equal(opening.text, "");
	sv_ras_close(ras);
	fd = open(original->files.journal, O_WRONLY);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	close(fd);
	ras = ras_at(original->files.journal, 2, PAGES, &opening);
	assert_string_equal(opening.text, "");
	sv_ras_close(ras);
	/* Of two that are whole, the later one holds, wherever it is. */
	put(original, original->bytes, original->size);
	for (uint8_t boot = 2; boot < 6; boot++) {
		sv_ras_close(ras_at(original->files.journal, boot, PAGES, &opening));
		fd = open(original->files.journal, O_RDONLY);
		assert_int_equal(journal_scan(fd, &scan), 0);
		assert_int_equal(scan.header.boot[0], boot);
		journal_scan_free(&scan);
		close(fd);
	}
}

/* Files that were never a journal, with any content. */
static void garbage(void **state)
{
	const struct original *original = *state;
	uint64_t seed = 42;
	uint8_t *bytes = malloc(20000);

	for (unsigned n = 0; n < 60; n++) {
		size_t size = random_next(&seed) % 20000;
		struct sv_ras_opening opening;
		struct sv_ras *ras;

		for (size_t i = 0; i < size; i++)
			bytes[i] = n % 3 ? (uint8_t)random_next(&seed) : 0;
		put(original, bytes, size);
		ras = ras_at(original->files.journal, 1, PAGES, &opening);
		assert_int_equal(opening.restored, 0);
		assert_non_null(strstr(opening.aside, ".damaged-1"));
		assert_int_equal(unlink(opening.aside), 0);
		assert_true(record_at(ras, 0).durable);
		sv_ras_close(ras);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(opens_at_every_cut),
		cmocka_unit_test(every_bit),         cmocka_unit_test(either_header),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, make, discard);
}
