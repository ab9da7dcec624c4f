/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The poison file: text, one form for one map, so that every byte can be checked. It arrives with snapshots
 * and migrations, from whoever sends those.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/ras.h>

#include "crc.h"
#include "poison.h"

static const char first_line[] = "salvage-poison 1\n";

#define VM_LINE   (sizeof("vm 00000000-0000-0000-0000-000000000000\n") - 1)
#define PAGE_LINE (sizeof("page 0x0000000000000000\n") - 1)
#define END_LINE  (sizeof("end 0000000000 00000000\n") - 1)

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* All pages in ascending order, to be freed; NULL: no memory. */
static uint64_t *sorted(const struct sv_poison *poison, uint32_t *count)
{
	uint32_t room = sv_poison_count(poison);
	uint64_t *pages = malloc(((size_t)room + 1) * sizeof(*pages));

	*count = 0;
	if (!pages)
		return NULL;
	for (size_t i = 0; i <= poison->set.mask && *count < room; i++) {
		uint64_t key = pages_at(&poison->set, i);

		if (key)
			pages[(*count)++] = key - 1;
	}
	qsort(pages, *count, sizeof(*pages), ascending);
	return pages;
}

struct sheet {
	char *text;
	size_t size, length;
};

/* What does not fit is counted, not written. */
static void add(struct sheet *sheet, const char *text, size_t length)
{
	if (sheet->length < sheet->size && length <= sheet->size - sheet->length)
		memcpy(sheet->text + sheet->length, text, length);
	sheet->length += length;
}

size_t sv_poison_export(const struct sv_poison *poison, const uint8_t vm[16], char *text, size_t size)
{
	struct sheet sheet = {text, size, 0};
	char line[64], id[37];
	uint32_t count;
	uint64_t *pages = sorted(poison, &count);

	if (!pages)
		return 0;
	sv_ras_id_text(vm, id);
	add(&sheet, first_line, sizeof(first_line) - 1);
	add(&sheet, line, (size_t)snprintf(line, sizeof(line), "vm %s\n", id));
	for (uint32_t i = 0; i < count; i++)
		add(&sheet, line, (size_t)snprintf(line, sizeof(line), "page 0x%016" PRIx64 "\n", pages[i]));
	free(pages);
	add(&sheet, line,
	    (size_t)snprintf(line, sizeof(line), "end %010" PRIu32 " %08" PRIx32 "\n", count,
			     sheet.length <= size ? crc32c(text, sheet.length) : 0));
	if (sheet.length < size)
		text[sheet.length] = 0;
	else if (size)
		text[0] = 0;
	return sheet.length;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly digits lower-case hexadecimal ones. */
static bool take_hex(const char *text, unsigned digits, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (digit(text[i]) < 0)
			return false;
		*value = *value << 4 | (unsigned)digit(text[i]);
	}
	return true;
}

static bool take_page(const char *line, uint64_t *page)
{
	return !memcmp(line, "page 0x", 7) && line[PAGE_LINE - 1] == '\n' && take_hex(line + 7, 16, page);
}

static bool in_ram(uint64_t page, const struct sv_poison_ram *ram, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (page >= ram[i].first && page <= ram[i].last && ram[i].last - page >= POISON_PAGE - 1)
			return true;
	return !ram;
}

static const char *check_vm(const char *line, const uint8_t *vm)
{
	char id[37], text[37];
	uint8_t parsed[16];

	memcpy(text, line + 3, 36);
	text[36] = 0;
	if (memcmp(line, "vm ", 3) || line[VM_LINE - 1] != '\n' || strlen(text) != 36 ||
	    sv_ras_vm_id(text, parsed) != SV_OK)
		return "expected \"vm\" and a UUID";
	sv_ras_id_text(parsed, id);
	/* Anything but a UUID would have become another one. */
	if (memcmp(id, text, 36))
		return "expected \"vm\" and a UUID in lower case";
	if (vm && memcmp(vm, parsed, 16))
		return "these are the pages of another VM";
	return NULL;
}

static const char *check_end(const char *text, size_t at, uint32_t pages)
{
	char line[END_LINE + 1];

	snprintf(line, sizeof(line), "end %010" PRIu32 " %08" PRIx32 "\n", pages, crc32c(text, at));
	return memcmp(text + at, line, END_LINE) ? "the number of pages or the checksum is wrong" : NULL;
}

/* NULL, or why not; error->line is where. count is the number of page lines the length allows for. */
static const char *check(const char *text, uint32_t count, const uint8_t *vm, const struct sv_poison_ram *ram,
			 size_t rams, struct sv_poison_error *error)
{
	const char *line = text + sizeof(first_line) - 1 + VM_LINE, *why;
	uint64_t previous = 0, page;

	if (memcmp(text, first_line, sizeof(first_line) - 1))
		return "expected \"salvage-poison 1\"";
	error->line++;
	why = check_vm(text + sizeof(first_line) - 1, vm);
	if (why)
		return why;
	for (uint32_t i = 0; i < count; i++, line += PAGE_LINE) {
		error->line++;
		if (!take_page(line, &page))
			return "expected \"page\" and an address of 16 hexadecimal digits";
		if (page % POISON_PAGE)
			return "the address is not a page's";
		if (i && page <= previous)
			return "the addresses do not ascend";
		if (!in_ram(page, ram, rams))
			return "the page is not in the VM's memory";
		previous = page;
	}
	error->line++;
	return check_end(text, (size_t)(line - text), count);
}

/* How many of the pages, all checked, are not in the map yet. */
static uint32_t count_new(const struct sv_poison *poison, const char *line, uint32_t count)
{
	uint32_t missing = 0;
	uint64_t page;

	for (uint32_t i = 0; i < count; i++, line += PAGE_LINE)
		if (take_page(line, &page))
			missing += pages_find(&poison->set, POISON_KEY(page)) == PAGES_NONE;
	return missing;
}

enum sv_status sv_poison_import(struct sv_poison *poison, const char *text, size_t length, const uint8_t *vm,
				const struct sv_poison_ram *ram, size_t rams, uint32_t *pages,
				struct sv_poison_error *error)
{
	const size_t frame = sizeof(first_line) - 1 + VM_LINE + END_LINE;
	const char *lines = text + sizeof(first_line) - 1 + VM_LINE;
	enum sv_status status = SV_OK;
	uint64_t page;
	uint32_t count;

	*error = (struct sv_poison_error){1, NULL};
	*pages = 0;
	if (length < frame || (length - frame) % PAGE_LINE || (length - frame) / PAGE_LINE > UINT32_MAX) {
		error->why = "no poison file has this length: it was cut, or is none";
		return SV_MALFORMED;
	}
	count = (uint32_t)((length - frame) / PAGE_LINE);
	error->why = check(text, count, vm, ram, rams, error);
	if (error->why)
		return SV_MALFORMED;
	pthread_mutex_lock(&poison->mutex);
	if (count_new(poison, lines, count) > poison->set.limit - sv_poison_count(poison))
		status = SV_NO_ROOM;
	for (uint32_t i = 0; i < count && status == SV_OK; i++, lines += PAGE_LINE)
		if (take_page(lines, &page))
			pages_add(&poison->set, POISON_KEY(page));
	pthread_mutex_unlock(&poison->mutex);
	if (status == SV_OK)
		*pages = count;
	else
		error->why = "the map has no room for so many pages";
	return status;
}
