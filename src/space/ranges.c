/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/space.h>

void sv_ranges_init(struct sv_ranges *ranges, struct sv_range *used, size_t capacity, uint64_t first,
		    uint64_t last)
{
	*ranges = (struct sv_ranges){.used = used, .capacity = capacity, .limit = {first, last}};
}

/* The first used range that ends at or above address. */
static size_t position(const struct sv_ranges *ranges, uint64_t address)
{
	size_t i = 0;

	while (i < ranges->count && ranges->used[i].last < address)
		i++;
	return i;
}

/* Replaces count entries at index by one or two others; the caller has checked that they fit. */
static void splice(struct sv_ranges *ranges, size_t index, size_t count, const struct sv_range *with,
		   size_t added)
{
	size_t tail = ranges->count - index - count;

	if (added > count)
		for (size_t i = tail; i > 0; i--)
			ranges->used[index + added + i - 1] = ranges->used[index + count + i - 1];
	else
		for (size_t i = 0; i < tail; i++)
			ranges->used[index + added + i] = ranges->used[index + count + i];
	for (size_t i = 0; i < added; i++)
		ranges->used[index + i] = with[i];
	ranges->count += added - count;
}

/*
 * Marks first..last as used, swallowing what it touches or overlaps: the array stays sorted, disjoint and
 * short.
 */
static enum sv_status cover(struct sv_ranges *ranges, uint64_t first, uint64_t last)
{
	struct sv_range merged = {first, last};
	size_t begin = position(ranges, first ? first - 1 : 0), end = begin;

	while (end < ranges->count && (last == UINT64_MAX || ranges->used[end].first <= last + 1))
		end++;
	if (end > begin) {
		if (ranges->used[begin].first < merged.first)
			merged.first = ranges->used[begin].first;
		if (ranges->used[end - 1].last > merged.last)
			merged.last = ranges->used[end - 1].last;
	} else if (ranges->count >= ranges->capacity) {
		return SV_NO_ROOM;
	}
	splice(ranges, begin, end - begin, &merged, 1);
	return SV_OK;
}

enum sv_status sv_ranges_reserve(struct sv_ranges *ranges, uint64_t first, uint64_t last)
{
	size_t at = position(ranges, first);

	if (last < first || first < ranges->limit.first || last > ranges->limit.last)
		return SV_MALFORMED;
	if (at < ranges->count && ranges->used[at].first <= last)
		return SV_OVERLAP;
	return cover(ranges, first, last);
}

enum sv_status sv_ranges_reserve_space(struct sv_ranges *ranges, const struct sv_space *space)
{
	for (size_t i = 0; i < space->capacity; i++) {
		const struct sv_region *region = &space->regions[i];
		enum sv_status status;

		if (i >= space->memslots && i < space->capacity - space->devices)
			continue;
		status = cover(ranges, region->first, region->last);
		if (status)
			return status;
	}
	return SV_OK;
}

enum sv_status sv_ranges_allocate(struct sv_ranges *ranges, uint64_t size, uint64_t align, uint64_t *first)
{
	uint64_t candidate = ranges->limit.first;

	if (!size || !align || align & (align - 1))
		return SV_MALFORMED;
	for (size_t i = 0; i <= ranges->count; i++) {
		/* The gap before used[i], or after the last one. */
		uint64_t top = ranges->limit.last, aligned = (candidate + (align - 1)) & ~(align - 1);
		enum sv_status status;

		if (i < ranges->count) {
			if (ranges->used[i].first <= candidate) {
				if (ranges->used[i].last >= ranges->limit.last)
					return SV_NO_ROOM;
				if (ranges->used[i].last >= candidate)
					candidate = ranges->used[i].last + 1;
				continue;
			}
			if (ranges->used[i].first - 1 < top)
				top = ranges->used[i].first - 1;
		}
		if (aligned >= candidate && aligned <= top && size - 1 <= top - aligned) {
			status = cover(ranges, aligned, aligned + (size - 1));
			if (!status)
				*first = aligned;
			return status;
		}
		if (i < ranges->count) {
			if (ranges->used[i].last >= ranges->limit.last)
				return SV_NO_ROOM;
			candidate = ranges->used[i].last + 1;
		}
	}
	return SV_NO_ROOM;
}

enum sv_status sv_ranges_release(struct sv_ranges *ranges, uint64_t first, uint64_t last)
{
	size_t begin = position(ranges, first), end = begin, rest = 0;
	struct sv_range left[2];

	if (last < first)
		return SV_MALFORMED;
	while (end < ranges->count && ranges->used[end].first <= last)
		end++;
	if (end == begin)
		return SV_OK;
	if (ranges->used[begin].first < first)
		left[rest++] = (struct sv_range){ranges->used[begin].first, first - 1};
	if (ranges->used[end - 1].last > last)
		left[rest++] = (struct sv_range){last + 1, ranges->used[end - 1].last};
	if (ranges->count - (end - begin) + rest > ranges->capacity)
		return SV_NO_ROOM;
	splice(ranges, begin, end - begin, left, rest);
	return SV_OK;
}
