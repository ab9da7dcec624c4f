/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/space.h>

#include "../name.h"

/*
 * Memslots grow from the front of the array, devices from its back, each sorted by first: one array of the
 * caller's holds both whatever their proportion.
 */
struct layer {
	struct sv_region *regions;
	size_t count;
};

static struct layer memslots(const struct sv_space *space)
{
	return (struct layer){space->regions, space->memslots};
}

static struct layer devices(const struct sv_space *space)
{
	size_t begin = space->capacity - space->devices;

	/* Of an empty array there may be no address to add to. */
	return (struct layer){begin ? space->regions + begin : space->regions, space->devices};
}

static bool is_memslot(enum sv_region_kind kind)
{
	return kind == SV_REGION_RAM || kind == SV_REGION_ROM;
}

const char *sv_region_kind_name(enum sv_region_kind kind)
{
	static const char *const names[] = {
#define X(name, text) [SV_REGION_##name] = text,
		SV_REGION_KINDS(X)
#undef X
	};

	return NAME(names, kind);
}

void sv_space_init(struct sv_space *space, struct sv_region *regions, size_t capacity)
{
	*space = (struct sv_space){.regions = regions, .capacity = capacity};
}

/* How many regions of the layer begin at or below ipa. */
static size_t rank(struct layer layer, uint64_t ipa)
{
	size_t low = 0, high = layer.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (layer.regions[middle].first <= ipa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum sv_status sv_space_add(struct sv_space *space, const struct sv_region *region)
{
	bool memslot = is_memslot(region->kind);
	struct layer layer = memslot ? memslots(space) : devices(space);
	size_t at = rank(layer, region->first);

	if (region->last < region->first || region->kind == SV_REGION_HOLE ||
	    region->kind > SV_REGION_KERNEL || !region->name ||
	    (region->kind == SV_REGION_WINDOW && !(region->sizes & SV_SIZES_ANY)))
		return SV_MALFORMED;
	if ((at > 0 && layer.regions[at - 1].last >= region->first) ||
	    (at < layer.count && layer.regions[at].first <= region->last))
		return SV_OVERLAP;
	if (space->memslots + space->devices >= space->capacity)
		return SV_NO_ROOM;

	if (memslot) {
		for (size_t i = layer.count; i > at; i--)
			layer.regions[i] = layer.regions[i - 1];
		layer.regions[at] = *region;
		space->memslots++;
	} else {
		for (size_t i = 0; i < at; i++)
			(layer.regions - 1)[i] = layer.regions[i];
		(layer.regions - 1)[at] = *region;
		space->devices++;
	}
	return SV_OK;
}

enum sv_status sv_space_remove(struct sv_space *space, uint64_t first, bool memslot)
{
	struct layer layer = memslot ? memslots(space) : devices(space);
	size_t at = rank(layer, first);

	if (!at || layer.regions[at - 1].first != first)
		return SV_MALFORMED;
	at--;
	if (memslot) {
		for (size_t i = at; i + 1 < layer.count; i++)
			layer.regions[i] = layer.regions[i + 1];
		space->memslots--;
	} else {
		for (size_t i = at; i > 0; i--)
			layer.regions[i] = layer.regions[i - 1];
		space->devices--;
	}
	return SV_OK;
}

/* The region of the layer that holds ipa, or NULL; *last is how far the answer holds. */
static const struct sv_region *look_up(struct layer layer, uint64_t ipa, uint64_t *last)
{
	size_t at = rank(layer, ipa);

	if (at && layer.regions[at - 1].last >= ipa) {
		*last = layer.regions[at - 1].last;
		return &layer.regions[at - 1];
	}
	*last = at < layer.count ? layer.regions[at].first - 1 : UINT64_MAX;
	return NULL;
}

struct sv_place sv_space_find(const struct sv_space *space, uint64_t ipa, bool write)
{
	uint64_t memslot_last, device_last;
	const struct sv_region *memslot = look_up(memslots(space), ipa, &memslot_last);
	const struct sv_region *device;

	if (memslot && !(memslot->kind == SV_REGION_ROM && write))
		return (struct sv_place){memslot->kind, memslot, memslot_last};

	device = look_up(devices(space), ipa, &device_last);
	if (device_last > memslot_last)
		device_last = memslot_last;
	if (device)
		return (struct sv_place){device->kind, device, device_last};
	if (memslot)
		return (struct sv_place){SV_REGION_WINDOW, memslot, device_last};
	return (struct sv_place){SV_REGION_HOLE, NULL, device_last};
}

static void nearest(struct layer layer, uint64_t ipa, const struct sv_region **best, uint64_t *distance,
		    bool *after)
{
	size_t at = rank(layer, ipa);

	if (at) {
		const struct sv_region *below = &layer.regions[at - 1];
		uint64_t gap = below->last >= ipa ? 0 : ipa - below->last;

		if (!*best || gap < *distance) {
			*best = below;
			*distance = gap;
			*after = false;
		}
	}
	if (at < layer.count) {
		const struct sv_region *above = &layer.regions[at];

		if (!*best || above->first - ipa < *distance) {
			*best = above;
			*distance = above->first - ipa;
			*after = true;
		}
	}
}

const struct sv_region *sv_space_nearest(const struct sv_space *space, uint64_t ipa, uint64_t *distance,
					 bool *after)
{
	const struct sv_region *best = NULL;

	nearest(memslots(space), ipa, &best, distance, after);
	nearest(devices(space), ipa, &best, distance, after);
	return best;
}
