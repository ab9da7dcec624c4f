/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/space.h>

#include "support/check.h"

static void limits(void **state)
{
	struct sv_range used[8];
	struct sv_ranges ranges;
	uint64_t first = 77;

	/* Virtual addresses of TTBR1_EL1 with T1SZ = 16 end at the top. */
	sv_ranges_init(&ranges, used, COUNT(used), 0xffff000000000000, UINT64_MAX);
	assert_int_equal(sv_ranges_reserve(&ranges, 0, 4), SV_MALFORMED);
	assert_int_equal(sv_ranges_reserve(&ranges, 0xffff000000000005, 0xffff000000000004), SV_MALFORMED);
	assert_int_equal(sv_ranges_reserve(&ranges, 0xffff000000000000, 0xffffffffffffefff), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x1000, 0x1000, &first), SV_OK);
	assert_int_equal(first, 0xfffffffffffff000);
	first = 77;
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 1, &first), SV_NO_ROOM);
	assert_int_equal(first, 77);
	assert_int_equal(ranges.count, 1);

	sv_ranges_init(&ranges, used, COUNT(used), 0, UINT64_MAX);
	assert_int_equal(sv_ranges_allocate(&ranges, 0, 1, &first), SV_MALFORMED);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 0, &first), SV_MALFORMED);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 3, &first), SV_MALFORMED);
	assert_int_equal(sv_ranges_reserve(&ranges, 0, UINT64_MAX), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 1, &first), SV_NO_ROOM);
	assert_int_equal(sv_ranges_release(&ranges, 1, 1), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 2, &first), SV_NO_ROOM);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 1, &first), SV_OK);
	assert_int_equal(first, 1);
	assert_int_equal(sv_ranges_release(&ranges, 0, UINT64_MAX), SV_OK);
	assert_int_equal(ranges.count, 0);
	/* No multiple of the alignment below the end. */
	sv_ranges_init(&ranges, used, COUNT(used), UINT64_MAX - 10, UINT64_MAX);
	assert_int_equal(sv_ranges_allocate(&ranges, 1, 0x1000, &first), SV_NO_ROOM);
}

static void collides_with_nothing(void **state)
{
	struct sv_region regions[4];
	struct sv_range used[8];
	struct sv_ranges ranges;
	struct sv_space space;
	uint64_t first;

	sv_space_init(&space, regions, COUNT(regions));
	sv_space_add(&space,
		     &(struct sv_region){.first = 0, .last = 0xfffff, .kind = SV_REGION_ROM, .name = "rom"});
	sv_space_add(&space, &(struct sv_region){.first = 0x40000,
						 .last = 0x40fff,
						 .kind = SV_REGION_WINDOW,
						 .sizes = 1,
						 .name = "w"});
	sv_space_add(&space,
		     &(struct sv_region){
			     .first = 0x180000, .last = 0x1fffff, .kind = SV_REGION_RAM, .name = "ram"});
	sv_ranges_init(&ranges, used, COUNT(used), 0, 0xffffffffff);
	assert_int_equal(sv_ranges_reserve_space(&ranges, &space), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x10000, 0x10000, &first), SV_OK);
	assert_int_equal(first, 0x100000);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x100000, 0x1000, &first), SV_OK);
	assert_int_equal(first, 0x200000);
	assert_int_equal(sv_ranges_reserve(&ranges, 0x17ffff, 0x180000), SV_OVERLAP);
	assert_int_equal(sv_ranges_reserve(&ranges, 0x17ffff, 0x17ffff), SV_OK);

	/* Devices too; and a region beyond the limit makes no room between the limit and itself. */
	sv_space_add(&space,
		     &(struct sv_region){
			     .first = 0x900000, .last = 0x900fff, .kind = SV_REGION_KERNEL, .name = "gic"});
	sv_ranges_init(&ranges, used, COUNT(used), 0x200000, 0x2fffff);
	assert_int_equal(sv_ranges_reserve_space(&ranges, &space), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x100001, 1, &first), SV_NO_ROOM);
	assert_int_equal(sv_ranges_reserve(&ranges, 0x2fffff, 0x300000), SV_MALFORMED);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x100000, 1, &first), SV_OK);
	assert_int_equal(first, 0x200000);
	sv_ranges_init(&ranges, used, COUNT(used), 0x900000, 0x90ffff);
	assert_int_equal(sv_ranges_reserve_space(&ranges, &space), SV_OK);
	assert_int_equal(sv_ranges_allocate(&ranges, 0x1000, 1, &first), SV_OK);
	assert_int_equal(first, 0x901000);
}

/* Random calls against a byte map: what is given out was free, lowest first, and nothing else changes. */
static void agrees_with_a_map(void **state)
{
	enum { SPAN = 96 };
	uint64_t seed = 7, allocations = 0, refusals = 0;

	for (unsigned round = 0; round < 400; round++) {
		struct sv_range used[6];
		struct sv_ranges ranges;
		uint8_t map[SPAN] = {0};

		sv_ranges_init(&ranges, used, COUNT(used), 0, SPAN - 1);
		for (unsigned step = 0; step < 80; step++) {
			uint64_t r = random_next(&seed), first = r % SPAN, last = first + (r >> 8) % 9,
				 size = 1 + (r >> 8) % 9;
			uint64_t align = UINT64_C(1) << (r >> 16) % 4, got;
			unsigned runs = 0;
			enum sv_status status;

			last = last < SPAN ? last : SPAN - 1;
			switch ((r >> 24) % 3) {
			case 0:
				status = sv_ranges_allocate(&ranges, size, align, &got);
				if (status) {
					refusals++;
					break;
				}
				allocations++;
				assert_int_equal(got % align, 0);
				assert_true(got + size <= SPAN);
				for (uint64_t a = 0; a < got; a += align) {
					bool free = true;

					for (uint64_t i = a; i < a + size; i++)
						free &= !map[i];
					assert_false(free);
				}
				for (uint64_t i = got; i < got + size; i++) {
					assert_int_equal(map[i], 0);
					map[i] = 1;
				}
				break;
			case 1:
				status = sv_ranges_reserve(&ranges, first, last);
				if (status == SV_OK) {
					for (uint64_t i = first; i <= last; i++)
						assert_int_equal(map[i]++, 0);
				} else if (status == SV_OVERLAP) {
					bool taken = false;

					for (uint64_t i = first; i <= last; i++)
						taken |= map[i];
					assert_true(taken);
				}
				break;
			default:
				if (sv_ranges_release(&ranges, first, last) == SV_OK)
					memset(map + first, 0, (size_t)(last - first + 1));
			}
			/* The array is the map, run by run. */
			for (unsigned i = 0; i < SPAN; i++) {
				if (!map[i] || (i && map[i - 1]))
					continue;
				assert_int_equal(ranges.used[runs].first, i);
				while (i + 1 < SPAN && map[i + 1])
					i++;
				assert_int_equal(ranges.used[runs].last, i);
				runs++;
			}
			assert_int_equal(runs, ranges.count);
		}
	}
	/* Both happened, or the test tested little. */
	assert_true(allocations > 1000 && refusals > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(collides_with_nothing),
		cmocka_unit_test(agrees_with_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
