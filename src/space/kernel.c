/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices inside the kernel: which of their registers can be reached. */
#include <salvage/space.h>

static uint64_t offset_of(const struct sv_region *region, uint64_t ipa)
{
	uint64_t offset = ipa - region->first;

	return region->kernel->stride ? offset % region->kernel->stride : offset;
}

const struct sv_kernel_register *sv_kernel_find(const struct sv_region *region, uint64_t ipa)
{
	const struct sv_kernel_map *map = region->kernel;
	size_t low = 0, high = map ? map->count : 0;
	uint64_t offset;

	if (!map)
		return NULL;
	offset = offset_of(region, ipa);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sv_kernel_register *candidate = &map->registers[middle];

		if (offset < candidate->offset)
			high = middle;
		else if (offset - candidate->offset >= candidate->length)
			low = middle + 1;
		else
			return candidate;
	}
	return NULL;
}

bool sv_kernel_takes(const struct sv_region *region, uint64_t ipa, unsigned size, bool write)
{
	const struct sv_kernel_register *found = sv_kernel_find(region, ipa);
	uint64_t into;

	if (!found || !((write ? found->write : found->read) & size) ||
	    region->kernel->differs & (write ? found->write_unless : found->read_unless))
		return false;
	into = offset_of(region, ipa) - found->offset;
	return ipa % size == 0 && size <= found->length - into;
}
