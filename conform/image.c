/* SPDX-License-Identifier: BSD-2-Clause */
/* The guests' image (guest/), and the names in it. */
#include <string.h>

#include "case.h"

#include "conform-image.h"

const size_t conform_image_size = sizeof(conform_image);

/* As guest/start.S and guest/guest.h lay it out. */
struct header {
	uint32_t branch, pad;
	uint64_t first, end, vectors;
};

struct row {
	char name[32];
	uint64_t function;
};

static struct header header(void)
{
	struct header header;

	memcpy(&header, conform_image, sizeof(header));
	return header;
}

uint64_t conform_guest(const char *name)
{
	struct header head = header();

	for (uint64_t at = head.first - CONFORM_RAM; at < head.end - CONFORM_RAM; at += sizeof(struct row)) {
		struct row row;

		memcpy(&row, conform_image + at, sizeof(row));
		if (!strncmp(row.name, name, sizeof(row.name)))
			return row.function;
	}
	return 0;
}

uint64_t conform_guest_vectors(void)
{
	return header().vectors;
}
