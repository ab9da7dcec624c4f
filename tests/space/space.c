/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/space.h>

#include "support/check.h"

static const struct sv_region platform[] = {
	{.first = 0x00000000, .last = 0x03ffffff, .kind = SV_REGION_ROM, .name = "flash"},
	{.first = 0x08000000, .last = 0x0800ffff, .kind = SV_REGION_KERNEL, .name = "distributor"},
	{.first = 0x09000000, .last = 0x09000fff, .kind = SV_REGION_WINDOW, .name = "pl011", .sizes = 7},
	{.first = 0x02000000,
	 .last = 0x020000ff,
	 .kind = SV_REGION_WINDOW,
	 .name = "flash control",
	 .sizes = 4},
	{.first = 0x40000000, .last = 0x7fffffff, .kind = SV_REGION_RAM, .name = "ram"},
	{.first = 0xfffffffffffff000,
	 .last = UINT64_MAX,
	 .kind = SV_REGION_WINDOW,
	 .name = "top",
	 .sizes = 8},
};

static void fill(struct sv_space *space, struct sv_region *regions, size_t capacity)
{
	sv_space_init(space, regions, capacity);
	for (size_t i = 0; i < COUNT(platform); i++)
		assert_int_equal(sv_space_add(space, &platform[i]), SV_OK);
}

static void finds(void **state)
{
	static const struct {
		uint64_t ipa;
		bool write;
		enum sv_region_kind kind;
		const char *name;
		uint64_t last;
	} cases[] = {
		{0x00000000, false, SV_REGION_ROM, "flash", 0x03ffffff},
		{0x00000000, true, SV_REGION_WINDOW, "flash", 0x01ffffff},
		{0x02000000, false, SV_REGION_ROM, "flash", 0x03ffffff},
		{0x02000080, true, SV_REGION_WINDOW, "flash control", 0x020000ff},
		{0x02000100, true, SV_REGION_WINDOW, "flash", 0x03ffffff},
		{0x04000000, false, SV_REGION_HOLE, NULL, 0x07ffffff},
		{0x04000000, true, SV_REGION_HOLE, NULL, 0x07ffffff},
		{0x08000000, true, SV_REGION_KERNEL, "distributor", 0x0800ffff},
		{0x08010000, true, SV_REGION_HOLE, NULL, 0x08ffffff},
		{0x09000fff, false, SV_REGION_WINDOW, "pl011", 0x09000fff},
		{0x09001000, false, SV_REGION_HOLE, NULL, 0x3fffffff},
		{0x40000000, true, SV_REGION_RAM, "ram", 0x7fffffff},
		{0x7fffffff, false, SV_REGION_RAM, "ram", 0x7fffffff},
		{0x80000000, false, SV_REGION_HOLE, NULL, 0xffffffffffffefff},
		{UINT64_MAX, false, SV_REGION_WINDOW, "top", UINT64_MAX},
	};
	struct sv_region regions[6];
	struct sv_space space;

	fill(&space, regions, COUNT(regions));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_place place = sv_space_find(&space, cases[i].ipa, cases[i].write);
		char name[40];

		snprintf(name, sizeof(name), "case %zu", i);
		check(name, place.kind == cases[i].kind);
		check(name, place.last == cases[i].last);
		check(name, !place.region == !cases[i].name);
		if (cases[i].name)
			assert_string_equal(place.region->name, cases[i].name);
	}
}

static void refuses(void **state)
{
	static const struct {
		struct sv_region region;
		enum sv_status status;
	} cases[] = {
		{{.first = 2, .last = 1, .kind = SV_REGION_RAM, .name = "x"}, SV_MALFORMED},
		{{.first = 1, .last = 2, .kind = SV_REGION_HOLE, .name = "x"}, SV_MALFORMED},
		{{.first = 1, .last = 2, .kind = 77, .name = "x"}, SV_MALFORMED},
		{{.first = 0x80000000, .last = 0x80000000, .kind = SV_REGION_RAM}, SV_MALFORMED},
		{{.first = 0x80000000, .last = 0x80000000, .kind = SV_REGION_WINDOW, .name = "x"},
		 SV_MALFORMED},
		{{.first = 0x80000000,
		  .last = 0x80000000,
		  .kind = SV_REGION_WINDOW,
		  .sizes = 0x20,
		  .name = "x"},
		 SV_MALFORMED},
		{{.first = 0x7fffffff, .last = 0x80000000, .kind = SV_REGION_RAM, .name = "x"}, SV_OVERLAP},
		{{.first = 0x3fffffff, .last = 0x40000000, .kind = SV_REGION_ROM, .name = "x"}, SV_OVERLAP},
		{{.first = 0, .last = UINT64_MAX, .kind = SV_REGION_RAM, .name = "x"}, SV_OVERLAP},
		{{.first = 0x09000000, .last = 0x09000000, .kind = SV_REGION_KERNEL, .name = "x"},
		 SV_OVERLAP},
		{{.first = 0x09001000, .last = 0x09001fff, .kind = SV_REGION_KERNEL, .name = "x"},
		 SV_NO_ROOM},
	};
	struct sv_region regions[6], before[6];
	struct sv_space space;

	fill(&space, regions, COUNT(regions));
	memcpy(before, regions, sizeof(regions));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(sv_space_add(&space, &cases[i].region), cases[i].status);
		assert_memory_equal(before, regions, sizeof(regions));
	}
	assert_int_equal(sv_space_remove(&space, 0x40000001, true), SV_MALFORMED);
	assert_int_equal(sv_space_remove(&space, 0x40000000, false), SV_MALFORMED);
}

/* An array of none, at no address: everything is a hole. */
static void has_no_room_at_all(void **state)
{
	struct sv_space space;
	struct sv_place place;
	uint64_t distance;
	bool after;

	sv_space_init(&space, NULL, 0);
	for (size_t i = 0; i < COUNT(platform); i++)
		assert_int_equal(sv_space_add(&space, &platform[i]), SV_NO_ROOM);
	assert_int_equal(sv_space_remove(&space, 0, true), SV_MALFORMED);
	assert_int_equal(sv_space_remove(&space, 0, false), SV_MALFORMED);
	place = sv_space_find(&space, 5, true);
	assert_int_equal(place.kind, SV_REGION_HOLE);
	assert_int_equal(place.last, UINT64_MAX);
	assert_null(sv_space_nearest(&space, 5, &distance, &after));
}

static void removes(void **state)
{
	struct sv_region regions[6];
	struct sv_space space;

	for (size_t i = 0; i < COUNT(platform); i++) {
		bool memslot = platform[i].kind == SV_REGION_RAM || platform[i].kind == SV_REGION_ROM;

		fill(&space, regions, COUNT(regions));
		assert_int_equal(sv_space_remove(&space, platform[i].first, memslot), SV_OK);
		for (size_t j = 0; j < COUNT(platform); j++) {
			struct sv_place place = sv_space_find(&space, platform[j].first, true);

			if (j != i)
				assert_ptr_not_equal(place.region, NULL);
			else
				assert_true(!place.region || place.region->first != platform[i].first);
		}
		assert_int_equal(sv_space_add(&space, &platform[i]), SV_OK);
	}
}

static void nearest(void **state)
{
	static const struct {
		uint64_t ipa;
		const char *name;
		uint64_t distance;
		bool after;
	} cases[] = {
		{0x09000010, "pl011", 0, false},    {0x09001000, "pl011", 1, false},
		{0x08ffffff, "pl011", 1, true},     {0x3fffffff, "ram", 1, true},
		{0x80000000, "ram", 1, false},      {0xf000000000000000, "top", 0x0ffffffffffff000, true},
		{0x04000010, "flash", 0x11, false},
	};
	struct sv_region regions[6];
	struct sv_space space;
	uint64_t distance;
	bool after;

	sv_space_init(&space, regions, COUNT(regions));
	assert_null(sv_space_nearest(&space, 5, &distance, &after));
	fill(&space, regions, COUNT(regions));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sv_region *region = sv_space_nearest(&space, cases[i].ipa, &distance, &after);

		assert_string_equal(region->name, cases[i].name);
		assert_int_equal(distance, cases[i].distance);
		if (distance)
			assert_int_equal(after, cases[i].after);
	}
}

/* Random additions and removals, against a byte map of the same space. */
static void agrees_with_a_map(void **state)
{
	enum { SPAN = 64, NONE = 0xff };
	uint64_t seed = 1;

	for (unsigned round = 0; round < 300; round++) {
		struct sv_region regions[12];
		struct sv_space space;
		uint8_t memslots[SPAN], devices[SPAN];

		memset(memslots, NONE, SPAN);
		memset(devices, NONE, SPAN);
		sv_space_init(&space, regions, COUNT(regions));
		for (unsigned step = 0; step < 60; step++) {
			uint64_t r = random_next(&seed);
			enum sv_region_kind kind = 1 + (r >> 32) % 4;
			bool memslot = kind == SV_REGION_RAM || kind == SV_REGION_ROM, free = true;
			uint8_t *map = memslot ? memslots : devices;
			unsigned first = r % SPAN, last = first + (r >> 8) % 6;
			struct sv_region region = {
				first, last < SPAN ? last : SPAN - 1, kind, "x", NULL, 1, false, NULL};

			if ((r >> 16) % 4 == 0) {
				bool begins = map[first] != NONE && (!first || map[first - 1] != map[first]);
				uint8_t tag = map[first];

				assert_int_equal(sv_space_remove(&space, first, memslot),
						 begins ? SV_OK : SV_MALFORMED);
				for (unsigned i = first; begins && i < SPAN && map[i] == tag; i++)
					map[i] = NONE;
				continue;
			}
			for (unsigned i = first; i <= region.last; i++)
				free &= map[i] == NONE;
			switch (sv_space_add(&space, &region)) {
			case SV_OK:
				assert_true(free);
				/* Neighbours differ in tag, so that a beginning can be told. */
				memset(map + first, (int)(kind | (step + 1) % 30 << 3),
				       (size_t)(region.last - first + 1));
				break;
			case SV_OVERLAP:
				assert_false(free);
				break;
			default:
				assert_int_equal(space.memslots + space.devices, COUNT(regions));
			}
		}
		for (unsigned ipa = 0; ipa < SPAN; ipa++) {
			for (int write = 0; write < 2; write++) {
				struct sv_place place = sv_space_find(&space, ipa, write);
				enum sv_region_kind want = SV_REGION_HOLE;

				if (devices[ipa] != NONE)
					want = devices[ipa] & 7;
				else if (memslots[ipa] != NONE)
					want = SV_REGION_WINDOW;
				if (memslots[ipa] != NONE && !(write && (memslots[ipa] & 7) == SV_REGION_ROM))
					want = memslots[ipa] & 7;
				assert_int_equal(place.kind, want);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),   cmocka_unit_test(refuses), cmocka_unit_test(has_no_room_at_all),
		cmocka_unit_test(removes), cmocka_unit_test(nearest), cmocka_unit_test(agrees_with_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
