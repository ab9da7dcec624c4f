/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's memory map, as versions 7.2, 10.0 and 11.1 print it, and what has been done to it on the way. */
#include "support/check.h"
#include "cli/lint.h"

/* With what readline adds on a pipe. */
static const char text[] =
	"QEMU 7.2.22 monitor - type 'help' for more information\r\n"
	"(qemu) i\033[K\033[Dinfo mtree -f\033[K\r\n"
	"FlatView #0\r\n"
	" AS \"gpex-root\", root: bus master container\r\n"
	" Root memory region: (none)\r\n"
	"  No rendered FlatView\r\n"
	"\r\n"
	"FlatView #1\r\n"
	" AS \"I/O\", root: io\r\n"
	" Root memory region: io\r\n"
	"  0000000000000000-000000000000ffff (prio 0, i/o): io\r\n"
	"\r\n"
	"FlatView #2\r\n"
	" AS \"memory\", root: system\r\n"
	" AS \"cpu-memory-0\", root: system\r\n"
	" Root memory region: system\r\n"
	"  0000000000000000-0000000003ffffff (prio 0, romd): virt.flash0\r\n"
	"  0000000009000000-0000000009000fff (prio 0, i/o): pl011\r\n"
	"  0000000009020000-0000000009020007 (prio 0, i/o): fwcfg.data\r\n"
	"  000000000a000000-000000000a0001ff (prio -1000, i/o): some device\r\n"
	"  000000003f003020-000000003f003fff (prio 0, ram): ram @000000003f003020\r\n"
	"  0000000040000000-0000000047ffffff (prio 0, ram): mach-virt.ram\r\n"
	"  0000008000000000-000000ffffffffff (prio 0, i/o): gpex_mmio_window-high @0000000000000100\r\n"
	"  00000000900000-0000000009000fff (prio 0, i/o): short\r\n"
	"  0000000100000000-00000000f0000000 (prio 0, i/o): backwards\r\n"
	"  0000000100000000-0000000100000fff (i/o): no priority\r\n"
	"  0000000100000000-0000000100000fff (prio 0, i/o) no name\r\n"
	"\r\n"
	"FlatView #3\r\n"
	" AS \"cpu-secure-memory-0\", root: x\r\n"
	"  0000000050000000-0000000050000fff (prio 0, i/o): not ours\r\n";

static void find(void **state)
{
	static const struct {
		uint64_t address;
		const char *name, *below, *above;
		uint64_t offset;
		bool memory;
	} cases[] = {
		{0, "virt.flash0", NULL, NULL, 0, false},
		{0x3ffffff, "virt.flash0", NULL, NULL, 0, false},
		{0x4000000, NULL, "virt.flash0", "pl011", 0, false},
		{0x9000018, "pl011", NULL, NULL, 0, false},
		{0x9001000, NULL, "pl011", "fwcfg.data", 0, false},
		{0x9020007, "fwcfg.data", NULL, NULL, 0, false},
		{0x9020008, NULL, "fwcfg.data", "some device", 0, false},
		{0xa000200, NULL, "some device", "gpex_mmio_window-high", 0, false},
		{0x3f003020, "ram", NULL, NULL, 0x3f003020, true},
		{0x40000000, "mach-virt.ram", NULL, NULL, 0, true},
		/* Memory is no neighbour of a hole. */
		{0x50000000, NULL, "some device", "gpex_mmio_window-high", 0, false},
		{0xffffffffff, "gpex_mmio_window-high", NULL, NULL, 0x100, false},
		{0x10000000000, NULL, "gpex_mmio_window-high", NULL, 0, false},
		{UINT64_MAX, NULL, "gpex_mmio_window-high", NULL, 0, false},
	};
	struct lint_map map;

	assert_true(lint_map_parse(text, &map));
	assert_int_equal(map.count, 7);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct lint_region *below, *above, *region;
		char name[32];

		snprintf(name, sizeof(name), "%llx", (unsigned long long)cases[i].address);
		region = lint_map_find(&map, cases[i].address, &below, &above);
		check(name, !region == !cases[i].name);
		check(name, !below == !cases[i].below);
		check(name, !above == !cases[i].above);
		check(name, !region || !strcmp(region->name, cases[i].name));
		check(name, !below || !strcmp(below->name, cases[i].below));
		check(name, !above || !strcmp(above->name, cases[i].above));
		check(name, !region || region->offset == cases[i].offset);
		check(name, !region || region->memory == cases[i].memory);
	}
	lint_map_free(&map);
}

static void none(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"qemu-system-aarch64: -M nonsense: unsupported machine type\n",
		"FlatView #0\n AS \"memory\", root: system\n",
		"FlatView #0\n  0000000009000000-0000000009000fff (prio 0, i/o): pl011\n",
		"  0000000009000000-0000000009000fff (prio 0, i/o): pl011\n"};
	struct lint_map map;

	for (size_t i = 0; i < COUNT(texts); i++) {
		const struct lint_region *below, *above;

		assert_false(lint_map_parse(texts[i], &map));
		assert_null(lint_map_find(&map, 0x9000000, &below, &above));
		assert_null(below);
		assert_null(above);
	}
}

/* A monitor that says more than is kept, and a map with anything in it. */
static void hostile(void **state)
{
	static char large[(LINT_MAP_REGIONS + 100) * 64], broken[sizeof(text)];
	uint64_t seed = 7;
	struct lint_map map;
	size_t length = (size_t)sprintf(large, "FlatView #0\n AS \"memory\", root: system\n");

	for (unsigned i = 0; i < LINT_MAP_REGIONS + 50; i++)
		length += (size_t)sprintf(large + length, "  %016x-%016x (prio 0, i/o): r\n", i * 16,
					  i * 16 + 15);
	assert_true(lint_map_parse(large, &map));
	assert_int_equal(map.count, LINT_MAP_REGIONS);
	lint_map_free(&map);
	for (unsigned n = 0; n < 20000; n++) {
		memcpy(broken, text, sizeof(text));
		for (unsigned i = 0; i < 1 + n % 8; i++)
			broken[random_next(&seed) % (sizeof(text) - 1)] = (char)random_next(&seed);
		if (lint_map_parse(broken, &map)) {
			for (size_t i = 0; i < map.count; i++) {
				assert_true(map.list[i].first <= map.list[i].last);
				assert_true(memchr(map.list[i].name, 0, LINT_NAME));
			}
			lint_map_free(&map);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(find), cmocka_unit_test(none),
					   cmocka_unit_test(hostile)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
