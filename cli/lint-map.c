/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's memory map as its monitor prints it ("info mtree -f", QEMU's manual, "QEMU Monitor"): one block for
 * each view, with the address spaces that have it, then lines
 * "  FIRST-LAST (prio N, TYPE): NAME" or "... NAME @OFFSET", in hexadecimal.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lint.h"

static bool is_memory(const char *type, size_t length)
{
	static const char *const types[] = {"ram", "rom", "nv-ram"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strlen(types[i]) == length && !memcmp(types[i], type, length))
			return true;
	return false;
}

/* A line of length without its end. */
static bool parse_region(const char *line, size_t length, struct lint_region *region)
{
	char text[256], *at, *end, *type;

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, line, length);
	text[length] = 0;
	for (at = text; *at == ' '; at++)
		;
	region->first = strtoull(at, &end, 16);
	if (end - at != 16 || *end != '-')
		return false;
	at = end + 1;
	region->last = strtoull(at, &end, 16);
	if (end - at != 16 || strncmp(end, " (prio ", 7) || region->last < region->first)
		return false;
	type = strstr(end, ", ");
	end = strstr(end, "): ");
	if (!type || !end || type > end)
		return false;
	type += 2;
	region->memory = is_memory(type, (size_t)(end - type));
	at = end + 3;
	region->offset = 0;
	end = strstr(at, " @");
	if (end) {
		region->offset = strtoull(end + 2, NULL, 16);
		*end = 0;
	}
	for (length = 0; at[length] && length < sizeof(region->name) - 1; length++)
		region->name[length] = isprint((unsigned char)at[length]) ? at[length] : '?';
	region->name[length] = 0;
	return true;
}

bool lint_map_parse(const char *text, struct lint_map *map)
{
	static const char view[] = "FlatView #", space[] = " AS \"memory\",";
	bool ours = false;

	map->list = calloc(LINT_MAP_REGIONS, sizeof(*map->list));
	map->count = 0;
	if (!map->list)
		return false;
	for (const char *line = text; *line && map->count < LINT_MAP_REGIONS;) {
		size_t length = strcspn(line, "\r\n");

		if (!strncmp(line, view, sizeof(view) - 1)) {
			if (ours)
				break;
		} else if (!strncmp(line, space, sizeof(space) - 1)) {
			ours = true;
		} else if (ours && parse_region(line, length, &map->list[map->count])) {
			map->count++;
		}
		line += length;
		line += strspn(line, "\r\n");
	}
	if (!map->count)
		lint_map_free(map);
	return map->count;
}

void lint_map_free(struct lint_map *map)
{
	free(map->list);
	*map = (struct lint_map){0};
}

const struct lint_region *lint_map_find(const struct lint_map *map, uint64_t address,
					const struct lint_region **below, const struct lint_region **above)
{
	*below = *above = NULL;
	for (size_t i = 0; i < map->count; i++) {
		const struct lint_region *region = &map->list[i];

		if (region->first <= address && address <= region->last) {
			*below = *above = NULL;
			return region;
		}
		if (region->memory)
			continue;
		if (region->last < address && (!*below || region->last > (*below)->last))
			*below = region;
		if (region->first > address && (!*above || region->first < (*above)->first))
			*above = region;
	}
	return NULL;
}
