/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage ledger list, show, metrics. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ledger.h"

struct listing {
	const struct ledger_options *options;
	bool one; /* only the page at address */
	uint64_t address;
	unsigned count;
	bool failed;
};

/* ISO 8601 in UTC: what people compare with other machines' logs. */
static const char *time_text(uint64_t ns, char text[32])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm parts;

	if (!gmtime_r(&seconds, &parts) || !strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts))
		return "?";
	return text;
}

static const char *address_text(const struct sv_ledger_page *page, char text[24])
{
	if (page->kind == SV_RAS_UNKNOWN)
		return "unknown";
	snprintf(text, 24, "%s 0x%" PRIx64, page->kind == SV_RAS_BY_GPA ? "gpa" : "gva", page->address);
	return text;
}

/* A name is its owner's: a terminal is not to obey it. */
static void print_name(const char *name)
{
	for (; *name; name++)
		putchar((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name);
}

static json_t *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *valid_hex(const struct sv_memory_error *error, unsigned bit, uint64_t value)
{
	return error->valid & bit ? hex(value) : json_null();
}

/* json_string refuses what is no UTF-8, which a name may be. */
static json_t *name_json(const char *name, const char *otherwise)
{
	json_t *text = json_string(name);

	return text ? text : json_string(otherwise);
}

static json_t *page_json(const struct sv_ledger_page *page)
{
	return json_pack("{s:o, s:s, s:s, s:b, s:s, s:o, s:b, s:s, s:I, s:I, s:I}", "vm",
			 name_json(page->name, page->vm), "uuid", page->vm, "boot", page->boot, "latest",
			 page->latest, "kind", sv_ras_kind_name(page->kind), "page",
			 page->kind == SV_RAS_UNKNOWN ? json_null() : hex(page->address), "inferred",
			 page->inferred, "source", page->source, "count", (json_int_t)page->count, "first_ns",
			 (json_int_t)page->first_ns, "last_ns", (json_int_t)page->last_ns);
}

static void print_json(struct listing *listing, json_t *object)
{
	if (!object || json_dumpf(object, stdout, JSON_COMPACT))
		listing->failed = true;
	putchar('\n');
	json_decref(object);
}

static void list_page(void *opaque, const struct sv_ledger_page *page)
{
	struct listing *listing = opaque;
	char address[24], first[32], last[32];

	if (!page->latest && !listing->options->all)
		return;
	listing->count++;
	if (listing->options->json) {
		print_json(listing, page_json(page));
		return;
	}
	if (listing->count == 1)
		printf("%-23s %-9s %-12s %10s  %-20s  %-20s  VM\n", "page", "", "source", "errors", "first",
		       "last");
	printf("%-23s %-9s %-12s %10" PRIu64 "  %-20s  %-20s  ", address_text(page, address),
	       page->inferred ? "inferred" : "", page->source, page->count, time_text(page->first_ns, first),
	       time_text(page->last_ns, last));
	print_name(page->name);
	printf("%s\n", page->latest ? "" : " (an earlier start)");
}

int ledger_list(struct sv_ledger *ledger, const struct ledger_options *options)
{
	struct listing listing = {.options = options};
	enum sv_status status = sv_ledger_pages(ledger, options->vm, list_page, &listing);

	if (status != SV_OK)
		return ledger_failed(ledger, status);
	if (!listing.count && !options->json)
		puts("no memory errors are known");
	return listing.failed ? cli_fail(CLI_INTERNAL, "ledger", "a page could not be printed") : 0;
}

static json_t *sighting_json(const struct sv_ledger_sighting *sighting)
{
	const struct sv_memory_error *error = &sighting->error;

	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "known_by",
			 page_json(&sighting->page), "sighting", sighting->sighting, "source",
			 sv_ras_source_name(error->source), "esr", valid_hex(error, SV_RAS_ESR, error->esr),
			 "gpa", valid_hex(error, SV_RAS_GPA, error->gpa), "gva",
			 valid_hex(error, SV_RAS_GVA, error->gva), "hva",
			 valid_hex(error, SV_RAS_HVA, error->hva), "pc",
			 valid_hex(error, SV_RAS_PC, error->pc), "vcpu",
			 error->vcpu == SV_RAS_NO_VCPU ? json_null() : json_integer(error->vcpu),
			 "realtime_ns", (json_int_t)error->realtime_ns, "monotonic_ns",
			 (json_int_t)error->monotonic_ns, "distinct", (json_int_t)sighting->distinct, "rule",
			 sighting->rule ? json_string(sighting->rule) : json_null());
}

static void print_sighting(const struct sv_ledger_sighting *sighting)
{
	const struct sv_memory_error *error = &sighting->error;
	char address[24], time[32];
	const struct {
		const char *name;
		unsigned bit;
		uint64_t value;
	} values[] = {
		{"esr", SV_RAS_ESR, error->esr}, {"gpa", SV_RAS_GPA, error->gpa},
		{"gva", SV_RAS_GVA, error->gva}, {"hva", SV_RAS_HVA, error->hva},
		{"pc", SV_RAS_PC, error->pc},
	};

	printf("%s %s %s %s", time_text(error->realtime_ns, time), address_text(&sighting->page, address),
	       sighting->sighting, sv_ras_source_name(error->source));
	if (error->vcpu != SV_RAS_NO_VCPU)
		printf(" vcpu=%" PRIu32, error->vcpu);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (error->valid & values[i].bit)
			printf(" %s=0x%" PRIx64, values[i].name, values[i].value);
	printf("%s distinct=%" PRIu32 "%s%s vm=", error->valid & SV_RAS_INFERRED ? " inferred" : "",
	       sighting->distinct, sighting->rule ? " rule " : "", sighting->rule ? sighting->rule : "");
	print_name(sighting->page.name);
	putchar('\n');
}

static void show_sighting(void *opaque, const struct sv_ledger_sighting *sighting)
{
	struct listing *listing = opaque;

	if (listing->one &&
	    (sighting->page.kind == SV_RAS_UNKNOWN || sighting->page.address != listing->address))
		return;
	listing->count++;
	if (listing->options->json)
		print_json(listing, sighting_json(sighting));
	else
		print_sighting(sighting);
}

int ledger_show(struct sv_ledger *ledger, const struct ledger_options *options)
{
	struct listing listing = {.options = options, .one = options->argument};
	enum sv_status status;

	if (options->argument && !ledger_address(options, &listing.address))
		return CLI_USAGE;
	listing.address &= ~(SV_RAS_PAGE - 1);
	status = sv_ledger_sightings(ledger, options->vm, show_sighting, &listing);
	if (status != SV_OK)
		return ledger_failed(ledger, status);
	if (options->argument && !listing.count)
		return cli_fail(1, options->argument, "no error on this page is known");
	return listing.failed ? cli_fail(CLI_INTERNAL, "ledger", "a sighting could not be printed") : 0;
}

int ledger_metrics(struct sv_ledger *ledger, const struct ledger_options *options)
{
	enum sv_status status = sv_ledger_metrics(ledger, options->vm, stdout);

	return status == SV_OK ? 0 : ledger_failed(ledger, status);
}
