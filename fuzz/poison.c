/* SPDX-License-Identifier: BSD-2-Clause */
/* Importing a poison file: everything or nothing, and only what exporting would have written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/poison.h>
#include <salvage/ras.h>

#include "ras/crc.h"

#include "fuzz.h"

#define PAGES 64

/* A file with a true end: nobody finds a checksum by trying. */
static char *sealed(const uint8_t *data, size_t size, size_t *length)
{
	char *text = malloc(size + 32);
	unsigned pages = 0;

	claim(text);
	memcpy(text, data, size);
	for (size_t i = 0; i + 5 <= size; i++)
		pages += !memcmp(text + i, "page ", 5);
	*length = size + (size_t)snprintf(text + size, 32, "end %010u %08x\n", pages, crc32c(text, size));
	return text;
}

static void check_import(const char *text, size_t length, const uint8_t *vm, const struct sv_poison_ram *ram)
{
	static char exported[4096];
	struct sv_poison *poison = sv_poison_new(PAGES);
	struct sv_poison_error error;
	uint32_t pages;
	uint8_t id[16];
	char name[37];
	uint64_t page = 0;
	enum sv_status status;

	claim(poison);
	claim(sv_poison_add(poison, 0x7000) == SV_OK);
	status = sv_poison_import(poison, text, length, vm, ram, ram ? 1 : 0, &pages, &error);
	if (status) {
		claim(status == SV_MALFORMED || status == SV_NO_ROOM);
		claim(error.line >= 1 && error.line <= length / 8 + 2 && error.why && !pages);
		claim(sv_poison_count(poison) == 1 && sv_poison_overlaps(poison, 0x7fff, 1));
		sv_poison_free(poison);
		return;
	}
	claim(!error.why && sv_poison_count(poison) >= pages && sv_poison_count(poison) <= pages + 1);
	while (sv_poison_next(poison, page, &page)) {
		claim(!(page % SV_RAS_PAGE) && sv_poison_overlaps(poison, page, 1));
		claim(!ram || page == 0x7000 ||
		      (page >= ram->first && page + (SV_RAS_PAGE - 1) <= ram->last));
		if (page + SV_RAS_PAGE < page)
			break;
		page += SV_RAS_PAGE;
	}
	sv_poison_free(poison);
	/* One text for one map. */
	poison = sv_poison_new(PAGES);
	claim(poison && !sv_poison_import(poison, text, length, vm, ram, ram ? 1 : 0, &pages, &error));
	memcpy(name, text + sizeof("salvage-poison 1\nvm ") - 1, 36);
	name[36] = 0;
	claim(sv_ras_vm_id(name, id) == SV_OK);
	claim(sv_poison_export(poison, id, exported, sizeof(exported)) == length &&
	      !memcmp(exported, text, length));
	sv_poison_free(poison);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The last page is not all there. */
	static const struct sv_poison_ram ram = {0x40000000, 0x4ffff7ff};
	static const uint8_t vm[16] = {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
				       0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11};
	struct fuzz_input input = {data, data + size};
	uint8_t shape = (uint8_t)fuzz_take(&input, 1);
	size_t length = fuzz_left(&input);
	char *text;

	if (shape & 1) {
		text = sealed(input.at, length, &length);
	} else {
		text = malloc(length ? length : 1);
		claim(text);
		memcpy(text, input.at, length);
	}
	check_import(text, length, shape & 2 ? vm : NULL, shape & 4 ? &ram : NULL);
	free(text);
	return 0;
}
