/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a device inside the kernel: which one is where, and what it takes. */
#include <salvage/space.h>

#include "support/check.h"

static const struct sv_kernel_register registers[] = {
	{0x00, 4, 4, 4, 0, 0, "word", NULL},      {0x04, 4, 4, 0, 0, 0, "constant", "no"},
	{0x10, 8, 4 | 8, 4 | 8, 0, 0, "wide", 0}, {0x20, 8, 1 | 4, 1 | 4, 1, 2, "bytes", NULL},
	{0x30, 4, 0, 0, 0, 0, "none", "no"},
};

static struct sv_kernel_map map(uint64_t stride, unsigned differs)
{
	return (struct sv_kernel_map){registers, COUNT(registers), stride, differs};
}

static struct sv_region region(const struct sv_kernel_map *map)
{
	return (struct sv_region){
		.first = 0x8000, .last = 0x80ff, .kind = SV_REGION_KERNEL, .name = "device", .kernel = map};
}

static void finds(void **state)
{
	static const struct {
		uint64_t ipa;
		const char *plain, *repeated; /* with a stride of 0x40 */
	} cases[] = {
		{0x8000, "word", "word"},
		{0x8003, "word", "word"},
		{0x8004, "constant", "constant"},
		{0x8007, "constant", "constant"},
		{0x8008, NULL, NULL},
		{0x800f, NULL, NULL},
		{0x8010, "wide", "wide"},
		{0x8017, "wide", "wide"},
		{0x8018, NULL, NULL},
		{0x8027, "bytes", "bytes"},
		{0x8028, NULL, NULL},
		{0x8033, "none", "none"},
		{0x8034, NULL, NULL},
		{0x8040, NULL, "word"},
		{0x8057, NULL, "wide"},
		{0x80f3, NULL, "none"},
		{0x80f4, NULL, NULL},
	};
	struct sv_kernel_map plain = map(0, 0), repeated = map(0x40, 0), empty = {registers, 0, 0, 0};
	struct sv_region one = region(&plain), many = region(&repeated), nothing = region(&empty),
			 without = region(NULL);

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sv_kernel_register *found = sv_kernel_find(&one, cases[i].ipa);

		assert_string_equal(found ? found->name : "", cases[i].plain ? cases[i].plain : "");
		found = sv_kernel_find(&many, cases[i].ipa);
		assert_string_equal(found ? found->name : "", cases[i].repeated ? cases[i].repeated : "");
		assert_null(sv_kernel_find(&nothing, cases[i].ipa));
		assert_null(sv_kernel_find(&without, cases[i].ipa));
		assert_false(sv_kernel_takes(&without, cases[i].ipa, 4, false));
	}
}

static void takes(void **state)
{
	static const struct {
		uint64_t ipa;
		uint8_t read[3], write[3]; /* the sizes taken with differs 0, 1, 2 */
	} cases[] = {
		{0x8000, {4, 4, 4}, {4, 4, 4}},
		{0x8001, {0}, {0}},
		{0x8002, {0}, {0}},
		{0x8004, {4, 4, 4}, {0}},
		{0x8008, {0}, {0}},
		{0x8010, {12, 12, 12}, {12, 12, 12}},
		{0x8014, {4, 4, 4}, {4, 4, 4}},
		{0x8020, {5, 0, 5}, {5, 5, 0}},
		{0x8021, {1, 0, 1}, {1, 1, 0}},
		{0x8024, {5, 0, 5}, {5, 5, 0}},
		{0x8027, {1, 0, 1}, {1, 1, 0}},
		{0x8030, {0}, {0}},
		{0x8050, {12, 12, 12}, {12, 12, 12}},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (unsigned differs = 0; differs < 3; differs++) {
			struct sv_kernel_map repeated = map(0x40, differs);
			struct sv_region device = region(&repeated);

			for (unsigned size = 1; size <= 64; size *= 2) {
				assert_int_equal(sv_kernel_takes(&device, cases[i].ipa, size, false),
						 !!(cases[i].read[differs] & size));
				assert_int_equal(sv_kernel_takes(&device, cases[i].ipa, size, true),
						 !!(cases[i].write[differs] & size));
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(finds), cmocka_unit_test(takes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
