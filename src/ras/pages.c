/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "pages.h"

/* Page numbers are often consecutive; their low bits alone would make long runs of a linear probe. */
static size_t place_of(const struct page_set *set, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & set->mask;
}

bool pages_init(struct page_set *set, uint32_t limit)
{
	size_t size = 16;

	/* At most half full, so that a look-up that fails ends soon. */
	while (size < 2 * (size_t)limit)
		size *= 2;
	set->slots = malloc(size * sizeof(*set->slots));
	if (!set->slots)
		return false;
	set->mask = size - 1;
	set->limit = limit;
	pages_clear(set);
	return true;
}

void pages_free(struct page_set *set)
{
	free(set->slots);
}

void pages_clear(struct page_set *set)
{
	for (size_t i = 0; i <= set->mask; i++)
		atomic_init(&set->slots[i].key, 0);
	atomic_init(&set->count, 0);
}

uint32_t pages_find(const struct page_set *set, uint64_t key)
{
	for (size_t i = place_of(set, key);; i = (i + 1) & set->mask) {
		uint64_t there = atomic_load_explicit(&set->slots[i].key, memory_order_acquire);

		if (there == key)
			return set->slots[i].number;
		if (!there)
			return PAGES_NONE;
	}
}

uint32_t pages_add(struct page_set *set, uint64_t key)
{
	uint32_t number = atomic_load_explicit(&set->count, memory_order_relaxed);
	uint64_t there;
	size_t i = place_of(set, key);

	while ((there = atomic_load_explicit(&set->slots[i].key, memory_order_relaxed)) && there != key)
		i = (i + 1) & set->mask;
	if (there)
		return set->slots[i].number;
	if (number == set->limit)
		return PAGES_NONE;
	set->slots[i].number = number;
	atomic_store_explicit(&set->slots[i].key, key, memory_order_release);
	atomic_store_explicit(&set->count, number + 1, memory_order_release);
	return number;
}

uint64_t pages_at(const struct page_set *set, size_t place)
{
	return atomic_load_explicit(&set->slots[place].key, memory_order_acquire);
}
