/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The poison map against a plain list, its file against hostile ones, and taking host pages out of service.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <salvage/poison.h>
#include <salvage/ras.h>

#include "ras/crc.h"
#include "ras/offline.h"
#include "support/check.h"

#define PAGE UINT64_C(4096)

static const uint8_t vm[16] = {1, 2, 3};

static void overlaps(void **state)
{
	static const struct {
		uint64_t gpa, size;
		bool bad;
	} cases[] = {
		{0x40001000, 1, true},          {0x40000fff, 1, false},
		{0x40000fff, 2, true},          {0x40001fff, 1, true},
		{0x40002000, 1, false},         {0x40001000, 0, false},
		{0, UINT64_MAX, true},          {0, 0x40001000, false},
		{0, 0x40001001, true},          {0x40002000, 0x100000000, false},
		{UINT64_MAX, 1, true},          {UINT64_MAX - 4095, 1, true},
		{UINT64_MAX - 4096, 1, false},  {UINT64_MAX - 4096, UINT64_MAX, true},
		{0x40002000, UINT64_MAX, true}, {1, 1, false},
	};
	struct sv_poison *map = sv_poison_new(4);

	assert_false(sv_poison_overlaps(map, 0, UINT64_MAX));
	assert_int_equal(sv_poison_add(map, 0x40001234), SV_OK);
	assert_int_equal(sv_poison_add(map, 0x40001fff), SV_OK);
	assert_int_equal(sv_poison_add(map, UINT64_MAX), SV_OK);
	assert_int_equal(sv_poison_count(map), 2);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (sv_poison_overlaps(map, cases[i].gpa, cases[i].size) != cases[i].bad)
			fail_msg("case %zu", i);
	assert_int_equal(sv_poison_add(map, 0), SV_OK);
	assert_true(sv_poison_overlaps(map, 1, 1));
	assert_int_equal(sv_poison_add(map, 0x5000), SV_OK);
	assert_int_equal(sv_poison_add(map, 0x6000), SV_NO_ROOM);
	assert_int_equal(sv_poison_add(map, 0x5001), SV_OK);
	assert_false(sv_poison_overlaps(map, 0x6000, 1));
	sv_poison_clear(map);
	assert_int_equal(sv_poison_count(map), 0);
	assert_false(sv_poison_overlaps(map, 0, UINT64_MAX));
	sv_poison_free(map);
	sv_poison_free(NULL);
	assert_null(sv_poison_new(0));
	assert_null(sv_poison_new((1 << 20) + 1));
}

static void against_a_list(void **state)
{
	enum { PAGES = 300, SPACE = 4096 };
	static bool bad[SPACE];
	struct sv_poison *map = sv_poison_new(PAGES);
	uint64_t seed = 20261120, page = 0;
	unsigned count = 0, walked = 0;

	while (count < PAGES) {
		uint64_t index = random_next(&seed) % SPACE;

		count += !bad[index];
		bad[index] = true;
		assert_int_equal(sv_poison_add(map, index * PAGE + random_next(&seed) % PAGE), SV_OK);
	}
	assert_int_equal(sv_poison_count(map), PAGES);
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t first = random_next(&seed) % (SPACE * PAGE), size = random_next(&seed) % (40 * PAGE);
		bool expected = false;

		/* Both ways of searching. */
		if (n % 16 == 0)
			size *= 100;
		for (uint64_t i = first / PAGE; size && i <= (first + size - 1) / PAGE && i < SPACE; i++)
			expected |= bad[i];
		if (sv_poison_overlaps(map, first, size) != expected)
			fail_msg("0x%llx, 0x%llx", (unsigned long long)first, (unsigned long long)size);
	}
	for (uint64_t from = 0; sv_poison_next(map, from, &page); from = page + PAGE, walked++)
		assert_true(page >= from && bad[page / PAGE]);
	assert_int_equal(walked, PAGES);
	sv_poison_free(map);
}

static char *exported(const struct sv_poison *map, size_t *length)
{
	size_t size = sv_poison_export(map, vm, NULL, 0) + 1;
	char *text = malloc(size);

	*length = sv_poison_export(map, vm, text, size);
	assert_int_equal(*length + 1, size);
	assert_int_equal(strlen(text), *length);
	return text;
}

static void file_round(void **state)
{
	struct sv_poison *map = sv_poison_new(100), *other = sv_poison_new(100);
	struct sv_poison_error error;
	uint32_t pages;
	size_t length;
	char *text, small[100];

	text = exported(map, &length);
	assert_string_equal(text, "salvage-poison 1\nvm 01020300-0000-0000-0000-000000000000\n"
				  "end 0000000000 fd41db59\n");
	assert_int_equal(sv_poison_import(other, text, length, vm, NULL, 0, &pages, &error), SV_OK);
	assert_int_equal(pages, 0);
	free(text);
	for (uint64_t i = 0; i < 100; i++)
		sv_poison_add(map, (i * 37 % 100) << 40 | i * 37 % 100 << 12);
	text = exported(map, &length);
	sv_poison_add(other, 5);
	assert_int_equal(sv_poison_import(other, text, length, NULL, NULL, 0, &pages, &error), SV_OK);
	assert_int_equal(pages, 100);
	assert_int_equal(sv_poison_count(other), 100);
	free(text);
	text = exported(other, &length);
	sv_poison_clear(other);
	sv_poison_add(other, 0x1000);
	assert_int_equal(sv_poison_import(other, text, length, vm, NULL, 0, &pages, &error), SV_NO_ROOM);
	assert_int_equal(pages, 0);
	assert_int_equal(sv_poison_count(other), 1);
	assert_int_equal(sv_poison_export(map, vm, small, sizeof(small)), length);
	assert_int_equal(small[0], 0);
	free(text);
	sv_poison_free(map);
	sv_poison_free(other);
}

/* Every byte of the file, changed, cut, or with more behind it. */
static void file_hostile(void **state)
{
	struct sv_poison *map = sv_poison_new(8), *other = sv_poison_new(8);
	struct sv_poison_error error;
	uint64_t seed = 7;
	uint32_t pages;
	size_t length;
	char *text;

	for (uint64_t i = 1; i <= 5; i++)
		sv_poison_add(map, i * 0x40001000);
	text = exported(map, &length);
	for (size_t at = 0; at < length; at++) {
		char *cut = malloc(at + !at);

		for (unsigned n = 0; n < 40; n++) {
			char old = text[at];

			text[at] = n < 8 ? (char)(old ^ 1 << n) : (char)random_next(&seed);
			if (text[at] != old)
				assert_int_equal(sv_poison_import(other, text, length, NULL, NULL, 0, &pages,
								  &error),
						 SV_MALFORMED);
			text[at] = old;
		}
		/* A buffer of its own, so that a sanitizer sees a read beyond it. */
		memcpy(cut, text, at);
		assert_int_equal(sv_poison_import(other, cut, at, NULL, NULL, 0, &pages, &error),
				 SV_MALFORMED);
		assert_non_null(error.why);
		free(cut);
	}
	assert_int_equal(sv_poison_import(other, text, length + 1, NULL, NULL, 0, &pages, &error),
			 SV_MALFORMED);
	assert_int_equal(sv_poison_count(other), 0);
	free(text);
	sv_poison_free(map);
	sv_poison_free(other);
}

/* Files with a checksum that is right. */
static void file_wrong(void **state)
{
#define BEGIN "salvage-poison 1\nvm 01020300-0000-0000-0000-000000000000\n"
	static const struct {
		const char *body;
		unsigned pages;
		size_t line;
		const char *why;
	} cases[] = {
		{BEGIN "page 0x0000000040001000\n", 1, 0, NULL},
		{"salvage-poison 2\nvm 01020300-0000-0000-0000-000000000000\n", 0, 1, "salvage-poison 1"},
		{"salvage-poison 1\nvm 01020300-0000-0000-0000-000000000001\n", 0, 2, "another VM"},
		{"salvage-poison 1\nvm 01020300-0000-0000-0000-00000000000x\n", 0, 2, "UUID"},
		{"salvage-poison 1\nvm 01020300-0000-0000-0000-0000000000A0\n", 0, 2, "lower case"},
		{"salvage-poison 1\nxm 01020300-0000-0000-0000-000000000000\n", 0, 2, "UUID"},
		{BEGIN "page 0x0000000040001001\n", 1, 3, "not a page's"},
		{BEGIN "page 0x0000000040001000\npage 0x0000000040001000\n", 2, 4, "do not ascend"},
		{BEGIN "page 0x0000000040002000\npage 0x0000000040001000\n", 2, 4, "do not ascend"},
		{BEGIN "page 0x000000004000A000\n", 1, 3, "16 hexadecimal"},
		{BEGIN "page 0x00000000 0001000\n", 1, 3, "16 hexadecimal"},
		{BEGIN "pagf 0x0000000040001000\n", 1, 3, "16 hexadecimal"},
		{BEGIN "page 0x0000000040001000 ", 1, 3, "16 hexadecimal"},
		{BEGIN "page 0x0000000040001000\n", 2, 4, "number of pages"},
		{BEGIN "page 0x0000000040001000\n", 0, 4, "number of pages"},
		{BEGIN "page 0x0000000030001000\n", 1, 3, "not in the VM's memory"},
		{BEGIN "page 0x0000000050000000\n", 1, 3, "not in the VM's memory"},
		{BEGIN "page 0x000000004ffff000\n", 1, 0, NULL},
		/* Half of the page is RAM. */
		{BEGIN "page 0x0000000060000000\n", 1, 3, "not in the VM's memory"},
	};
	static const struct sv_poison_ram ram[] = {{0x40000000, 0x4fffffff}, {0x60000000, 0x600007ff}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_poison *map = sv_poison_new(8);
		struct sv_poison_error error;
		uint32_t pages;
		char text[512];
		enum sv_status status;

		snprintf(text, sizeof(text), "%send %010u %08x\n", cases[i].body, cases[i].pages,
			 crc32c(cases[i].body, strlen(cases[i].body)));
		status = sv_poison_import(map, text, strlen(text), vm, ram, COUNT(ram), &pages, &error);
		check(cases[i].body, status == (cases[i].why ? SV_MALFORMED : SV_OK));
		check(cases[i].body, sv_poison_count(map) == !cases[i].why);
		if (cases[i].why) {
			check(cases[i].body, strstr(error.why, cases[i].why));
			check(cases[i].body, error.line == cases[i].line);
		}
		sv_poison_free(map);
	}
}

/* What readers see only ever grows. */
static void *adds(void *opaque)
{
	for (uint64_t i = 0; i < 20000; i++)
		sv_poison_add(opaque, i * PAGE);
	return NULL;
}

static void threads(void **state)
{
	struct sv_poison *map = sv_poison_new(20000);
	pthread_t writers[2];
	uint64_t next = 0;

	for (unsigned i = 0; i < 2; i++)
		pthread_create(&writers[i], NULL, adds, map);
	while (next < 20000) {
		uint32_t count = sv_poison_count(map);

		for (uint64_t i = next; i < count; i++)
			assert_true(sv_poison_overlaps(map, i * PAGE, 1));
		next = count;
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	assert_int_equal(sv_poison_count(map), 20000);
	sv_poison_free(map);
}

static char *temporary(const void *data, size_t size)
{
	char *path = strdup("/tmp/salvage-offline-XXXXXX");
	int fd = mkstemp(path);

	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
	return path;
}

static void offline(void **state)
{
	static const uint64_t map[] = {0, UINT64_C(1) << 63 | 0x12345, UINT64_C(1) << 63,
				       UINT64_C(1) << 62 | 0x12345, UINT64_C(0xff) << 55 | 0x54321};
	static const struct {
		uint64_t page;
		const char *why;
	} cases[] = {
		{0, "nothing is mapped"}, {1, NULL}, {2, "hides"}, {3, "swapped"}, {5, "beyond"},
	};
	uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE), physical = 0;
	char *pagemap = temporary(map, sizeof(map)), *hard = temporary("", 0), *soft = temporary("", 0);
	struct offline_files files = {pagemap, hard, soft};
	char why[256], text[64] = "";
	int fd;

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found =
			offline_find(&files, cases[i].page * host_page + 17, &physical, why, sizeof(why));

		check(cases[i].why ? cases[i].why : "found", found == !cases[i].why);
		if (cases[i].why)
			check(cases[i].why, strstr(why, cases[i].why));
		else
			assert_int_equal(physical, 0x12345 * host_page);
	}
	assert_true(offline_page(&files, 0x12345000, true, true, why, sizeof(why)));
	fd = open(hard, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 0);
	assert_true(offline_page(&files, 0x12345000, true, false, why, sizeof(why)));
	assert_int_equal(read(fd, text, sizeof(text)), 11);
	assert_string_equal(text, "0x12345000\n");
	close(fd);
	assert_true(offline_page(&files, 0x12345000, false, false, why, sizeof(why)));
	files.hard = "/nonexistent/file";
	assert_false(offline_page(&files, 0x12345000, true, true, why, sizeof(why)));
	assert_non_null(strstr(why, "CONFIG_MEMORY_FAILURE"));
	files.hard = "/dev/full";
	assert_false(offline_page(&files, 0x12345000, true, false, why, sizeof(why)));
	files.pagemap = "/nonexistent/file";
	assert_false(offline_find(&files, 0, &physical, why, sizeof(why)));
	assert_non_null(strstr(why, "still running"));
	unlink(pagemap);
	unlink(hard);
	unlink(soft);
	free(pagemap);
	free(hard);
	free(soft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps),   cmocka_unit_test(against_a_list),
		cmocka_unit_test(file_round), cmocka_unit_test(file_hostile),
		cmocka_unit_test(file_wrong), cmocka_unit_test(threads),
		cmocka_unit_test(offline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
