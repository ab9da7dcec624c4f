/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage ledger export, import, forget. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/poison.h>

#include "ledger.h"

/* Many more than a journal tells apart, and no more than a map can hold. */
#define PAGES_MAX (1u << 20)

/* A poison file of PAGES_MAX pages is smaller. */
#define FILE_MAX (32u << 20)

struct collection {
	struct sv_poison *poison;
	uint32_t left_out;
	bool full;
};

/* As in a VMM's own map: what was inferred is not shunned. */
static void collect(void *opaque, const struct sv_ledger_page *page)
{
	struct collection *collection = opaque;

	if (!page->latest)
		return;
	if (page->kind != SV_RAS_BY_GPA || page->inferred)
		collection->left_out++;
	else if (sv_poison_add(collection->poison, page->address) != SV_OK)
		collection->full = true;
}

static int write_file(const char *path, const char *text, size_t length)
{
	FILE *file = path ? fopen(path, "w") : stdout;
	bool failed;

	if (!file)
		return cli_fail(1, path, "%s", strerror(errno));
	failed = fwrite(text, 1, length, file) != length;
	if (path)
		failed |= fclose(file) != 0;
	return failed ? cli_fail(1, path ? path : "standard output", "%s", strerror(errno)) : 0;
}

static int export_map(const struct collection *collection, const struct ledger_options *options)
{
	size_t length, size;
	uint8_t id[16];
	char *text;
	int status;

	sv_ras_vm_id(options->vm, id);
	size = sv_poison_export(collection->poison, id, NULL, 0) + 1;
	text = malloc(size);
	length = text ? sv_poison_export(collection->poison, id, text, size) : 0;
	if (!length)
		return cli_fail(CLI_INTERNAL, "ledger", "no memory for %zu bytes", size);
	status = write_file(options->argument, text, length);
	free(text);
	if (!status && collection->left_out)
		cli_fail(0, "ledger",
			 "%u pages known by virtual address or inference, or not at all, are not in it",
			 collection->left_out);
	return status;
}

int ledger_export(struct sv_ledger *ledger, const struct ledger_options *options)
{
	struct collection collection = {.poison = sv_poison_new(PAGES_MAX)};
	enum sv_status status;
	int result;

	if (!collection.poison)
		return cli_fail(CLI_INTERNAL, "ledger", "no memory");
	status = sv_ledger_pages(ledger, options->vm, collect, &collection);
	if (status != SV_OK)
		result = ledger_failed(ledger, status);
	else if (collection.full)
		result = cli_fail(1, "ledger", "more than %u pages: not exported", PAGES_MAX);
	else
		result = export_map(&collection, options);
	sv_poison_free(collection.poison);
	return result;
}

/* The whole file, to be freed; NULL after an error line. */
static char *read_file(const char *path, size_t *length)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = malloc(FILE_MAX + 1);

	if (!file || !text) {
		cli_fail(1, path, "%s", strerror(errno));
		free(text);
		if (file && file != stdin)
			fclose(file);
		return NULL;
	}
	*length = fread(text, 1, FILE_MAX + 1, file);
	if (ferror(file) || *length > FILE_MAX) {
		cli_fail(1, path, "%s", ferror(file) ? strerror(errno) : "too large for a poison file");
		free(text);
		text = NULL;
	}
	if (file != stdin)
		fclose(file);
	return text;
}

static int import_map(struct sv_ledger *ledger, const struct ledger_options *options,
		      struct sv_poison *poison)
{
	struct sv_poison_error error;
	uint32_t pages, added;
	enum sv_status status;
	uint8_t id[16];
	size_t length;
	char *text;

	if (sv_ras_vm_id(options->vm, id) != SV_OK)
		return cli_fail(CLI_USAGE, "--vm", "a VM's name or UUID has 1 to %d bytes", SV_RAS_NAME - 1);
	text = read_file(options->argument, &length);
	if (!text)
		return 1;
	status = sv_poison_import(poison, text, length, id, NULL, 0, &pages, &error);
	free(text);
	if (status != SV_OK)
		return cli_fail(1, options->argument, "line %zu: %s; nothing was imported", error.line,
				error.why);
	status = sv_ledger_add(ledger, options->vm, poison, &added);
	if (status != SV_OK)
		return ledger_failed(ledger, status);
	printf("%" PRIu32 " pages, %" PRIu32 " of them new\n", pages, added);
	return 0;
}

int ledger_import(struct sv_ledger *ledger, const struct ledger_options *options)
{
	struct sv_poison *poison = sv_poison_new(PAGES_MAX);
	int status =
		poison ? import_map(ledger, options, poison) : cli_fail(CLI_INTERNAL, "ledger", "no memory");

	sv_poison_free(poison);
	return status;
}

int ledger_forget(struct sv_ledger *ledger, const struct ledger_options *options)
{
	uint64_t gpa = 0;
	uint32_t removed;
	enum sv_status status;

	if (options->argument && !ledger_address(options, &gpa))
		return CLI_USAGE;
	status = sv_ledger_forget(ledger, options->vm, options->argument ? &gpa : NULL, &removed);
	if (status != SV_OK)
		return ledger_failed(ledger, status);
	if (!removed)
		return cli_fail(1, options->vm,
				"nothing of the kind is known; \"salvage ledger list --all\" shows what is");
	printf("%" PRIu32 " forgotten\n", removed);
	return 0;
}
