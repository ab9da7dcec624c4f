/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "poison.h"

#define PAGE      POISON_PAGE
#define KEY(page) POISON_KEY(page)
#define PAGES_MAX (1u << 20)

struct sv_poison *sv_poison_new(uint32_t max_pages)
{
	struct sv_poison *poison;

	if (!max_pages || max_pages > PAGES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	poison = calloc(1, sizeof(*poison));
	if (poison && !pages_init(&poison->set, max_pages)) {
		free(poison);
		poison = NULL;
	}
	if (poison)
		pthread_mutex_init(&poison->mutex, NULL);
	return poison;
}

void sv_poison_free(struct sv_poison *poison)
{
	if (!poison)
		return;
	pages_free(&poison->set);
	pthread_mutex_destroy(&poison->mutex);
	free(poison);
}

enum sv_status sv_poison_add(struct sv_poison *poison, uint64_t gpa)
{
	uint64_t key = KEY(gpa & ~(PAGE - 1));
	uint32_t number = pages_find(&poison->set, key);

	if (number == PAGES_NONE && sv_poison_count(poison) < poison->set.limit) {
		pthread_mutex_lock(&poison->mutex);
		number = pages_add(&poison->set, key);
		pthread_mutex_unlock(&poison->mutex);
	}
	return number == PAGES_NONE ? SV_NO_ROOM : SV_OK;
}

bool sv_poison_overlaps(const struct sv_poison *poison, uint64_t gpa, uint64_t size)
{
	uint64_t first = gpa & ~(PAGE - 1), last, pages;

	if (!size || !sv_poison_count(poison))
		return false;
	last = (size - 1 > UINT64_MAX - gpa ? UINT64_MAX : gpa + size - 1) & ~(PAGE - 1);
	pages = (last - first) / PAGE + 1;
	if (pages <= poison->set.mask) {
		for (uint64_t page = first; pages--; page += PAGE)
			if (pages_find(&poison->set, KEY(page)) != PAGES_NONE)
				return true;
		return false;
	}
	for (size_t i = 0; i <= poison->set.mask; i++) {
		uint64_t key = pages_at(&poison->set, i);

		if (key && key - 1 >= first && key - 1 <= last)
			return true;
	}
	return false;
}

bool sv_poison_next(const struct sv_poison *poison, uint64_t gpa, uint64_t *page)
{
	uint64_t first = gpa & ~(PAGE - 1);
	bool found = false;

	for (size_t i = 0; i <= poison->set.mask; i++) {
		uint64_t key = pages_at(&poison->set, i);

		if (key && key - 1 >= first && (!found || key - 1 < *page)) {
			*page = key - 1;
			found = true;
		}
	}
	return found;
}

uint32_t sv_poison_count(const struct sv_poison *poison)
{
	return atomic_load_explicit(&poison->set.count, memory_order_acquire);
}

void sv_poison_clear(struct sv_poison *poison)
{
	pages_clear(&poison->set);
}
